// The TypeScript SDK, generation 1. Arguments: one JSON object {url, upn, to, subject, document}, or
// {url, upn, more: true}; with onRequest instead of more, it calls for each line of its input.
// With mode sse, by HTTP+SSE of revision 2024-11-05.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Provider, askForMore, callOnRequest, signIn, useEachKind } from './person.mjs';

const task = JSON.parse(process.argv[2]);
const Transport = task.mode === 'sse' ? SSEClientTransport : StreamableHTTPClientTransport;
const provider = new Provider(task.upn, task.document);
const person = {
  provider,
  unauthorized: UnauthorizedError,
  newClient: () => new Client({ name: 'sdk1', version: '1.0.0' }),
  newTransport: () => new Transport(new URL(task.url), { authProvider: provider }),
  finish: (t, callback) => t.finishAuth(callback.searchParams.get('code')),
};
const { client, transport } = await signIn(person);
if (task.onRequest) {
  await callOnRequest({ client, transport, ...person });
} else {
  const used = task.more ? await askForMore({ client, transport, ...person }) : await useEachKind(client, provider, task);
  console.log(JSON.stringify({ protocol: transport.protocolVersion ?? transport._protocolVersion, ...used }));
}
await client.close();
