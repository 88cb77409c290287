// A real OpenID provider for tests: oidc-provider, with one person sitting in front of every browser.
//
// Usage: node oidc_provider.mjs FOLDER CLIENT_ID [CLIENT_SECRET]
//   FOLDER         where oidc-provider is installed (build/oidc-provider)
//   CLIENT_SECRET  without it the client is a public one
// Prints {"issuer": "http://127.0.0.1:PORT"} when it listens. PUT /test/person takes
// {"sub": …, "redirect_uris": […], any claims…}: whoever comes next is that person, without being asked; {"refuses": true}
// cancels instead. It ends with its standard input.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, clientId, clientSecret] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(createRequire(`${folder}/x.js`).resolve('oidc-provider')));

let person = { sub: 'nobody' };
const client = {
  client_id: clientId,
  grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1:1/callback'],
  ...(clientSecret
    ? { client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' }
    : { token_endpoint_auth_method: 'none' }),
};
const people = new Map();
const callbacks = new Set();

const server = createServer();
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [client],
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'email', 'groups'],
  claims: {
    openid: ['sub'],
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  conformIdTokenClaims: false, // claims stand in the ID token, as with most companies' providers
  features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true } },
  interactions: { url: (context, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (context, sub) => ({ accountId: sub, claims: () => people.get(sub) }),
  // Everybody has agreed to everything.
  loadExistingGrant: async (context) => {
    const grant = new provider.Grant({ clientId, accountId: context.oidc.session.accountId });
    grant.addOIDCScope('openid profile email groups');
    await grant.save();
    return grant;
  },
});

// The gateway's port is known after the provider's.
provider.Client.prototype.redirectUriAllowed = (uri) => callbacks.has(uri);

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return JSON.parse(text);
}

server.on('request', async (request, response) => {
  try {
    if (request.method === 'PUT' && request.url === '/test/person') {
      const { redirect_uris: uris, ...claims } = await bodyOf(request);
      uris?.forEach((uri) => callbacks.add(uri));
      person = claims;
      people.set(person.sub, person);
      response.writeHead(204).end();
    } else if (request.url.startsWith('/interaction/')) {
      const result = person.refuses
        ? { error: 'access_denied', error_description: 'not today' }
        : { login: { accountId: person.sub } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
    } else {
      await provider.callback()(request, response);
    }
  } catch (problem) {
    console.error(problem);
    response.writeHead(500).end();
  }
});
process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer }));
