// What both SDKs are made to do: sign in, use each kind of thing once, refresh once.
import { createInterface } from 'node:readline';
import { Browser } from './browser.mjs';

/** Keeps in memory what an OAuth client keeps; the person signs in by herself. */
export class Provider {
  redirectUrl = 'http://127.0.0.1:4711/callback';
  callback; // the URL that came back, once she has signed in
  signIns = 0;
  refreshes = 0;
  browser;
  #client;
  #tokens;
  #verifier;
  #state = crypto.randomUUID();

  /** With the address of a metadata document, it is the client that this describes; else it registers. */
  constructor(upn, clientMetadataUrl) {
    this.browser = new Browser(upn);
    this.clientMetadataUrl = clientMetadataUrl;
  }

  get clientMetadata() {
    return {
      client_name: 'End-to-end client',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state() { return this.#state; }
  clientInformation() { return this.#client; }
  saveClientInformation(client) { this.#client = client; }
  tokens() { return this.#tokens; }
  saveTokens(tokens) {
    if (this.#tokens) this.refreshes++;
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier) { this.#verifier = verifier; }
  codeVerifier() { return this.#verifier; }
  /** Forgets what the server refuses; without it the SDKs would present the dead refresh token again. */
  invalidateCredentials(what) {
    if (what === 'all' || what === 'client') this.#client = undefined;
    if (what === 'all' || what === 'tokens') this.#tokens = undefined;
  }

  async redirectToAuthorization(url) {
    this.signIns++;
    this.callback = (await this.browser.walk(url)).at;
    if (this.callback.searchParams.get('state') !== this.#state) throw new Error(`foreign state in ${this.callback}`);
  }

  /** Loses the access token, so that the next request has to refresh. */
  loseAccessToken() {
    this.#tokens = { ...this.#tokens, access_token: 'lost' };
  }
}

/** Connects: the first attempt meets the 401 and signs in, the second uses the tokens. */
export async function signIn({ provider, unauthorized, newClient, newTransport, finish }) {
  const first = newTransport();
  try {
    await newClient().connect(first);
    throw new Error('connected without a token');
  } catch (error) {
    if (!(error instanceof unauthorized)) throw error;
  }
  await finish(first, provider.callback);
  const client = newClient();
  const transport = newTransport();
  await client.connect(transport);
  return { client, transport };
}

/** Lists, reads, sends, reads a resource, and says what came of it. */
export async function useEachKind(client, provider, { to, subject }) {
  const { tools } = await client.listTools();
  const who = await call(client, 'whoAmI', {});
  const mails = await call(client, 'getEmails', { count: 5 });
  const sent = await call(client, 'sendEmail', { to, subject, body: 'Sent by a real client.', contentType: 'text' });
  const profile = await client.readResource({ uri: 'microsoft://profile' });
  const { prompts } = await client.listPrompts();
  provider.loseAccessToken();
  const again = await call(client, 'whoAmI', {});
  return {
    tools: tools.map((t) => t.name),
    upn: who.userPrincipalName,
    mails: mails.emails.length,
    sent: sent.sent,
    prompts: prompts.map((p) => p.name),
    profile: JSON.parse(profile.contents[0].text).userPrincipalName,
    signIns: provider.signIns,
    refreshes: provider.refreshes,
    upnAfterRefresh: again.userPrincipalName,
  };
}

/** The SDKs hold structuredContent against the tool's output schema themselves. */
export async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError || !result.structuredContent) throw new Error(`${name}: ${JSON.stringify(result)}`);
  return result.structuredContent;
}

/**
 * A morning with a connection that can do little: a call that needs more makes the client
 * ask, the person says yes to the first and no to the second, and allows that by a link.
 */
export async function askForMore({ client, transport, provider, unauthorized, finish }) {
  const permissions = async () => (await call(client, 'whoAmI', {})).permissions;
  const report = { first: await permissions() };

  report.mails = await call(client, 'getEmails', { count: 3 }).then(
    () => 'nobody was asked',
    async (error) => {
      if (!(error instanceof unauthorized)) throw error;
      await finish(transport, provider.callback);
      return (await call(client, 'getEmails', { count: 3 })).emails.length;
    },
  );
  report.after = await permissions();

  provider.browser.decision = 'deny';
  report.denied = await client.callTool({ name: 'listTasks', arguments: {} }).then(
    () => 'nobody was asked',
    (error) => (error instanceof unauthorized ? provider.callback.searchParams.get('error') : `${error}`),
  );
  report.words = (await client.callTool({ name: 'listTasks', arguments: {} })).content[0].text;

  provider.browser.decision = 'approve';
  const { link } = await call(client, 'requestAccess', { for: 'listTasks' });
  report.done = (await provider.browser.walk(link)).text;
  report.tasks = (await call(client, 'listTasks', {})).tasks.length > 0;
  report.last = await permissions();
  provider.loseAccessToken();
  report.refreshed = await permissions();
  return { ...report, asked: provider.browser.asked, signIns: provider.signIns };
}

/** Calls whoAmI for each line of the standard input, and signs in anew where the server wants it. */
export async function callOnRequest({ client, transport, provider, unauthorized, finish }) {
  const whoAmI = async () => (await call(client, 'whoAmI', {})).userPrincipalName;
  for await (const line of createInterface({ input: process.stdin })) {
    const upn = await whoAmI().catch(async (error) => {
      if (!(error instanceof unauthorized)) throw error;
      await finish(transport, provider.callback);
      return whoAmI();
    });
    console.log(JSON.stringify({ line, upn, signIns: provider.signIns }));
  }
}
