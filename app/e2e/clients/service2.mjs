// A service, or an identity provider's client, by the TypeScript SDK, generation 2. Arguments: one JSON object
// {url, issuer, id, key}, or {url, issuer, id, secret, word} with what the identity provider says.
import { Client, CrossAppAccessProvider, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { useAsService } from './service.mjs';

const task = JSON.parse(process.argv[2]);
const asked = [];
const authProvider = task.word
  ? new CrossAppAccessProvider({
      clientId: task.id, clientSecret: task.secret, expectedIssuer: task.issuer,
      assertion: async (context) => { asked.push(String(context.authorizationServerUrl), String(context.resourceUrl)); return task.word; },
    })
  : new PrivateKeyJwtProvider({ clientId: task.id, privateKey: task.key, algorithm: 'ES256', expectedIssuer: task.issuer });
const client = new Client({ name: 'service2', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
await client.connect(new StreamableHTTPClientTransport(new URL(task.url), { authProvider }));
console.log(JSON.stringify({ ...(await useAsService(client, authProvider)), asked }));
await client.close();
