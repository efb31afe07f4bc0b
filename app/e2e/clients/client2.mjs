// The TypeScript SDK, generation 2. Arguments: one JSON object {url, upn, to, subject, mode}.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Provider, signIn, useEverything } from './person.mjs';

const task = JSON.parse(process.argv[2]);
const provider = new Provider(task.upn);
const { client } = await signIn({
  provider,
  unauthorized: UnauthorizedError,
  newClient: () => new Client({ name: 'client2', version: '1.0.0' }, { versionNegotiation: { mode: task.mode } }),
  newTransport: () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: provider }),
  finish: (t, callback) => t.finishAuth(callback.searchParams),
});
const used = await useEverything(client, provider, task);
console.log(JSON.stringify({ protocol: client.getNegotiatedProtocolVersion(), ...used }));
await client.close();
