// A provider of OpenID Connect: everybody logs in with any password, and is called as they say. Started with the path of the package.
import http from "node:http";

const { Provider } = await import(process.argv[2]);
const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "shop",
      client_secret: "the-secret-of-the-shop",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
    }],
    claims: { openid: ["sub"], email: ["email"], profile: ["name", "groups"] },
    findAccount: (_, sub) => ({
      accountId: sub,
      claims: () => ({ sub, name: sub.toUpperCase(), email: `${sub}@example.com`, groups: sub === "ada" ? ["members"] : [] }),
    }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    // so short that a session is refreshed with each request
    ttl: { AccessToken: 20, IdToken: 60, Grant: 600, Session: 600, RefreshToken: 600, Interaction: 600 },
    cookies: { keys: ["a key for tests"] },
  });
  // the gateway's port is not known yet
  provider.Client.prototype.redirectUriAllowed = () => true;
  provider.Client.prototype.postLogoutRedirectUriAllowed = () => true;
  provider.on("grant.success", (context) => console.log(`granted ${context.oidc.params.grant_type}`));
  provider.on("server_error", (_, error) => console.log(`error ${error.stack}`));
  provider.on("grant.error", (_, error) => console.log(`error ${error.message} ${error.error_detail}`));
  server.on("request", provider.callback());
  console.log(`issuer ${issuer}`);
});
