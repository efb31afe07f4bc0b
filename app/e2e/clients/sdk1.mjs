// The TypeScript SDK, generation 1. Arguments: one JSON object {url, upn, to, subject, document}, or
// {url, upn, more: true}, or {url, upn, seconds}.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Provider, askForMore, outlive, signIn, useEachKind } from './person.mjs';

const task = JSON.parse(process.argv[2]);
const provider = new Provider(task.upn, task.document);
const person = {
  provider,
  unauthorized: UnauthorizedError,
  newClient: () => new Client({ name: 'sdk1', version: '1.0.0' }),
  newTransport: () => new StreamableHTTPClientTransport(new URL(task.url), { authProvider: provider }),
  finish: (t, callback) => t.finishAuth(callback.searchParams.get('code')),
};
const { client, transport } = await signIn(person);
const connected = { client, transport, ...person };
const used = task.more
  ? await askForMore(connected)
  : task.seconds ? await outlive(connected, task) : await useEachKind(client, provider, task);
console.log(JSON.stringify({ protocol: transport.protocolVersion, ...used }));
await client.close();
