// The TypeScript SDK, generation 2. Arguments: one JSON object {url, upn, to, subject, mode, document}, or
// {url, upn, mode, more: true}, or {url, upn, mode, seconds}.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Provider, askForMore, outlive, signIn, useEachKind } from './person.mjs';

const task = JSON.parse(process.argv[2]);
const provider = new Provider(task.upn, task.document);
const person = {
  provider,
  unauthorized: UnauthorizedError,
  newClient: () => new Client({ name: 'client2', version: '1.0.0' }, { versionNegotiation: { mode: task.mode } }),
  newTransport: () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: provider }),
  finish: (t, callback) => t.finishAuth(callback.searchParams),
};
const { client, transport } = await signIn(person);
const connected = { client, transport, ...person };
const used = task.more
  ? await askForMore(connected)
  : task.seconds ? await outlive(connected, task) : await useEachKind(client, provider, task);
console.log(JSON.stringify({ protocol: client.getNegotiatedProtocolVersion(), ...used }));
await client.close();
