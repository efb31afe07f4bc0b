// A client that nobody has signed in, as catalogues use it. Arguments: one JSON object {url}.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const task = JSON.parse(process.argv[2]);
const client = new Client({ name: 'catalogue', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(task.url)));
await client.ping();
const { tools } = await client.listTools();
const { resources } = await client.listResources();
const { resourceTemplates } = await client.listResourceTemplates();
const { prompts } = await client.listPrompts();
const status = (promise) => promise.then(() => 'answered', (error) => error.code ?? `${error}`);
console.log(JSON.stringify({
  tools: tools.map((t) => t.name),
  prompts: prompts.map((p) => p.name),
  resources: resources.length > 0 && resourceTemplates.length > 0,
  call: await status(client.callTool({ name: 'whoAmI', arguments: {} })),
  read: await status(client.readResource({ uri: 'microsoft://profile' })),
}));
await client.close();
