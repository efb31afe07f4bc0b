// The TypeScript SDK, generation 2. Arguments: one JSON object {url, upn, to, subject, mode, document}, or
// {url, upn, mode, more: true}; with onRequest instead of more, it calls for each line of its input.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Provider, askForMore, callOnRequest, signIn, useEachKind } from './person.mjs';

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
if (task.onRequest) {
  await callOnRequest({ client, transport, ...person });
} else {
  const used = task.more ? await askForMore({ client, transport, ...person }) : await useEachKind(client, provider, task);
  console.log(JSON.stringify({ protocol: client.getNegotiatedProtocolVersion(), ...used }));
}
await client.close();
