// A service with a key, by the TypeScript SDK, generation 1. Arguments: one JSON object {url, issuer, id, key}.
import { PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { useAsService } from './service.mjs';

const task = JSON.parse(process.argv[2]);
const authProvider = new PrivateKeyJwtProvider({ clientId: task.id, privateKey: task.key, algorithm: 'ES256', expectedIssuer: task.issuer });
const client = new Client({ name: 'service1', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(task.url), { authProvider }));
console.log(JSON.stringify(await useAsService(client, authProvider)));
await client.close();
