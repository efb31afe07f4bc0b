// A person at a browser, without the browser: follows redirects and fills in the
// consent and sign-in forms. Run as a program, it stands in for the browser that
// a client opens, and delivers the answer to the client's redirect URI.
import { pathToFileURL } from 'node:url';

const maxSteps = 20;

/** Walks in a fresh browser from an authorization URL to the client's redirect URI, which it returns. */
export async function walk(authorizationURL, upn) {
  return (await new Browser(upn).walk(authorizationURL)).at;
}

/** One person's browser: it keeps its cookies, and the pages that asked something. */
export class Browser {
  decision = 'approve';
  asked = []; // the consent pages, as text
  #upn;
  #cookies = new Map(); // by origin, then by name

  constructor(upn) {
    this.#upn = upn;
  }

  /** Goes on until the client's redirect URI comes, or a page that asks nothing. */
  async walk(start) {
    let at = new URL(start);
    const destination = at.searchParams.get('redirect_uri');
    let page = await this.#fetch(at);
    for (let step = 0; step < maxSteps; step++) {
      const next = redirectOf(page);
      if (next) {
        at = new URL(next, at);
        if (destination && at.href.startsWith(destination)) return { at };
        page = await this.#fetch(at);
      } else if (page.status === 200 && page.text.includes('<form')) {
        const form = readForm(page.text);
        if (page.text.includes('name="decision"')) {
          this.asked.push(textOf(page.text));
          form.fields.set('decision', this.decision);
        } else {
          form.fields.set('user', this.#upn);
        }
        at = new URL(form.action, at);
        page = await this.#fetch(at, { method: 'POST', body: form.fields });
      } else if (page.status === 200 && !destination) {
        return { at, text: textOf(page.text) };
      } else {
        throw new Error(`stuck at ${at}: ${page.status}\n${page.text}`);
      }
    }
    throw new Error('the sign-in goes in circles');
  }

  async #fetch(url, init = {}) {
    const own = this.#cookies.get(url.origin) ?? new Map();
    this.#cookies.set(url.origin, own);
    const cookie = [...own].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { Accept: 'text/html', ...(cookie && { Cookie: cookie }), ...(init.method && { Origin: url.origin }) };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';');
      const cut = pair.indexOf('=');
      const gone = attributes.some((a) => /^\s*max-age=(0|-\d+)$/i.test(a));
      if (gone) own.delete(pair.slice(0, cut));
      else own.set(pair.slice(0, cut), pair.slice(cut + 1));
    }
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

function textOf(html) {
  const main = html.slice(html.indexOf('<main>'));
  return unescapeHTML(main.replace(/<[^>]*>/g, ' ')).replace(/\s+/g, ' ').trim();
}

function redirectOf(page) {
  if (page.status >= 300 && page.status < 400) return page.headers.get('location');
  return page.headers.get('refresh')?.match(/url=(.*)$/i)?.[1];
}

function readForm(html) {
  const tag = html.match(/<form[^>]*>/)[0];
  const fields = new URLSearchParams();
  for (const [input] of html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    fields.set(attribute(input, 'name'), attribute(input, 'value'));
  }
  return { action: attribute(tag, 'action'), fields };
}

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found ? unescapeHTML(found[1]) : '';
}

function unescapeHTML(text) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    return named[name] ?? whole;
  });
}

/** mcp-remote opens the browser before it listens for the answer: nobody signs in that fast but us. */
async function deliver(back) {
  for (let tries = 0; ; tries++) {
    try {
      return await fetch(back);
    } catch (error) {
      if (error.cause?.code !== 'ECONNREFUSED' || tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const back = await walk(process.argv[2], process.env.M365_MCP_TEST_UPN);
  const answer = await deliver(back);
  if (!answer.ok) throw new Error(`the client answered ${answer.status}`);
}
