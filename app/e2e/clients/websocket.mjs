// The WebSocket transport of the TypeScript SDK, generation 1. It has no way to send a header, so
// the socket that it opens is one of ws, which has. Arguments: one JSON object {url, token, to, subject}.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { WebSocketClientTransport } from '@modelcontextprotocol/sdk/client/websocket.js';
import WebSocket from 'ws';
import { call } from './person.mjs';

const task = JSON.parse(process.argv[2]);
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers: { Authorization: `Bearer ${task.token}` } });
  }
};
const client = new Client({ name: 'websocket', version: '1.0.0' });
await client.connect(new WebSocketClientTransport(new URL(task.url)));
const { tools } = await client.listTools();
const who = await call(client, 'whoAmI', {});
const mails = await call(client, 'getEmails', { count: 5 });
const sent = await call(client, 'sendEmail', { to: task.to, subject: task.subject, body: 'Sent over a socket.', contentType: 'text' });
const profile = await client.readResource({ uri: 'microsoft://profile' });
console.log(JSON.stringify({
  tools: tools.map((t) => t.name),
  upn: who.userPrincipalName,
  mails: mails.emails.length,
  sent: sent.sent,
  profile: JSON.parse(profile.contents[0].text).userPrincipalName,
}));
await client.close();
