// What both SDKs are made to do: sign in, use everything once, refresh once.
import { walk } from './browser.mjs';

/** Keeps in memory what an OAuth client keeps; the person signs in by herself. */
export class Provider {
  redirectUrl = 'http://127.0.0.1:4711/callback';
  callback; // the URL that came back, once she has signed in
  signIns = 0;
  refreshes = 0;
  #upn;
  #client;
  #tokens;
  #verifier;
  #state = crypto.randomUUID();

  constructor(upn) {
    this.#upn = upn;
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

  async redirectToAuthorization(url) {
    this.signIns++;
    this.callback = await walk(url, this.#upn);
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

/** Uses every tool and the resource, and says what came of it. */
export async function useEverything(client, provider, { to, subject }) {
  const { tools } = await client.listTools();
  const who = await call(client, 'whoAmI', {});
  const mails = await call(client, 'getEmails', { count: 5 });
  const sent = await call(client, 'sendEmail', { to, subject, body: 'Sent by a real client.', contentType: 'text' });
  const profile = await client.readResource({ uri: 'microsoft://profile' });
  provider.loseAccessToken();
  const again = await call(client, 'whoAmI', {});
  return {
    tools: tools.map((t) => t.name),
    upn: who.userPrincipalName,
    mails: mails.emails.length,
    sent: sent.sent,
    profile: JSON.parse(profile.contents[0].text).userPrincipalName,
    signIns: provider.signIns,
    refreshes: provider.refreshes,
    upnAfterRefresh: again.userPrincipalName,
  };
}

/** The SDKs hold structuredContent against the tool's output schema themselves. */
async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError || !result.structuredContent) throw new Error(`${name}: ${JSON.stringify(result)}`);
  return result.structuredContent;
}
