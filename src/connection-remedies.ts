import type { Remedy } from './failure.js';

/** What to change where no answer came, or no JWT from GitHub: the first that fits. */
export const CONNECTION_REMEDIES: Remedy[] = [
  {
    code: /NO_PERMISSION/,
    example: 'This job may not ask GitHub for an OIDC token',
    advice:
      'Add to the job in the workflow file, and for a reusable workflow to the job that calls it:\n\n    permissions:\n      contents: read\n      id-token: write\n\nA run of Dependabot has read permissions alone unless they are given so. Or set the input identityToken.',
  },
  {
    code: /FROM_FORK/,
    example: 'This job may not ask GitHub for an OIDC token, as it runs for a pull request from a fork',
    advice:
      'GitHub gives such jobs no OIDC token, whatever their permissions. Log in to Nomad in a job that runs after the merge (on: push), and leave this step out for forks: if: github.event.pull_request.head.repo.fork == false',
  },
  {
    code: /NO_RUNNER/,
    example: 'There is no GitHub Actions job here to get an OIDC token for',
    advice:
      'Outside GitHub Actions, set the input identityToken (by hand: the environment variable INPUT_IDENTITYTOKEN) to a JWT.',
  },
  {
    peer: 'GitHub',
    status: /4../,
    example: 'GitHub minted no OIDC token (403): …',
    advice:
      'GitHub refuses this job an OIDC token. Re-run the job, as its own credentials may have expired; then look at its permissions (id-token: write), at the input jwtGithubAudience, and at the policies of the organization.',
  },
  {
    peer: 'GitHub',
    example: 'GitHub minted no OIDC token: socket hang up',
    advice:
      "GitHub's token endpoint cannot be reached or fails. See githubstatus.com; a self-hosted runner must be able to reach *.actions.githubusercontent.com, through HTTPS_PROXY where there is one.",
  },
  {
    peer: 'proxy',
    status: /407/,
    example: 'the proxy answers 407',
    advice:
      'The proxy wants other credentials. Correct those in the environment variable that sets it (http://user:password@proxy.example.com:3128, special characters percent-encoded), or name {host} in NO_PROXY.',
  },
  {
    peer: 'proxy',
    code: /^(EC|EN|EA|ET|EH|UND)/,
    example: 'Cannot reach Nomad at … through the proxy …: connect ECONNREFUSED 192.0.2.1:3128',
    advice:
      'The proxy itself cannot be reached. Correct its address in the environment variable that sets it, or name {host} in NO_PROXY.',
  },
  {
    peer: 'proxy',
    example: 'the proxy answers 403',
    advice:
      'The proxy does not connect to {host}. Have it allowed there, or name {host} in NO_PROXY if the runner reaches it directly.',
  },
  {
    code: /UNABLE_TO|SELF_SIGNED|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA/,
    example: 'unable to verify the first certificate',
    advice:
      "The certificate of {host} is not signed by a CA that this runner knows. Set the input caCertificate to the CA's certificate, base64-encoded.",
  },
  {
    code: /ALTNAME/,
    said: /is not in the cert's (altnames|list): ?(?<names>.+)/,
    example: "Host: nomad.example.com. is not in the cert's altnames: DNS:server.global.nomad",
    advice:
      "The certificate is for {names}, not for {host}. Set the input tlsServerName to a name that it has (Nomad's own are server.REGION.nomad), or use one in the input url.",
  },
  {
    code: /ALTNAME/,
    example: "IP: 192.0.2.1 is not in the cert's list",
    advice:
      "The certificate is not for {host}. Set the input tlsServerName to a name that it has (Nomad's own are server.REGION.nomad), or use one in the input url.",
  },
  {
    code: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    example: 'certificate has expired',
    advice:
      "The certificate of {host}, or of its CA in the input caCertificate, is out of its time. Renew it on the server, or correct the runner's clock ({now}).",
  },
  {
    code: /WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST/,
    example: 'wrong version number',
    advice:
      '{host} does not speak TLS on this port. Begin the input url with http://, or use the port that speaks TLS.',
  },
  {
    code: /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/,
    example: 'tlsv13 alert certificate required',
    advice:
      '{host} wants a client certificate. Set the inputs clientCertificate and clientKey to one that is signed by the CA of the Nomad servers.',
  },
  {
    code: /CLOSED_AFTER_HANDSHAKE/,
    example: 'other side closed',
    advice:
      '{host} closes the connection after the TLS handshake, as a server does that wants a client certificate or refuses the one it gets. Set the inputs clientCertificate and clientKey to a pair that is signed by the CA of the Nomad servers.',
  },
  {
    code: /INTERNAL_ERROR|UNRECOGNIZED_NAME/,
    example: 'tlsv1 unrecognized name',
    advice:
      '{host} has no certificate for the name that it is asked for. Check the host in the input url, or the input tlsServerName.',
  },
  {
    code: /ALERT/,
    example: 'tlsv1 alert unknown ca',
    advice:
      "{host} refuses the certificate in the input clientCertificate, or the version of TLS. It must be signed by the CA in ca_file of Nomad's tls block, and be in its time.",
  },
  {
    code: /ECONNREFUSED/,
    example: 'connect ECONNREFUSED 127.0.0.1:4646',
    advice:
      "{unset}Nothing listens there. Check host and port in the input url (4646 is Nomad's default), that the server is up, and that it listens on more than 127.0.0.1 (bind_addr).",
  },
  {
    code: /ENOTFOUND|EAI_AGAIN/,
    example: 'getaddrinfo ENOTFOUND nomad.example.com',
    advice:
      "This runner's DNS does not know {host}. Check its spelling in the input url; a private name takes a self-hosted runner that can resolve it.",
  },
  {
    code: /ETIMEDOUT|CONNECT_TIMEOUT|EHOSTUNREACH|ENETUNREACH/,
    example: 'Connect Timeout Error',
    advice:
      "No way leads from this runner to {host}. GitHub's own runners reach public addresses only: open the firewall for them, use a self-hosted runner inside the network, or set HTTPS_PROXY.",
  },
  {
    code: /NO_ANSWER|NOT_SENT/,
    example: 'Nomad at https://nomad.example.com:4646 gave no answer in 20.0 s',
    advice:
      "{host} takes the connection but does not answer. The input url may name a port that is not Nomad's HTTP API (4647 and 4648 are not); or the servers are slow, for want of the keys that they fetch for each login: then raise the input timeout.",
  },
  {
    code: /ECONNRESET|UND_ERR_SOCKET|EPIPE/,
    example: 'read ECONNRESET',
    advice:
      "{host} closes connections without an answer. The input url may name a port that is not Nomad's HTTP API (4647 and 4648 are not), or want https://; a busy server does the same: raise http_max_conns_per_client in its limits, or the input timeout.",
  },
  {
    code: /HPE_|TOO_LONG/,
    example: 'Response does not match the HTTP/1.1 protocol',
    advice:
      '{host} does not answer as Nomad does. If this port speaks TLS, begin the input url with https://; else it is not the port of its HTTP API.',
  },
];
