import { SIXTH } from '../../time.js';
import type { Kind } from '../catalogue.js';
import type { Facts } from '../failure.js';
import { address, host, variable } from './facts.js';

/** Kinds of failures of a connection to Nomad, besides those of TLS. */
export const CONNECTION_KINDS = {
  'no-response': {
    to: [/nomad|proxy/, /^NO_RESPONSE/, /TCP|TLS|response/],
    retry: 1,
    advice: (facts) => {
      const slow = 'If the servers are slow, set a longer timeout.';
      return facts.proxy !== undefined
        ? `The proxy, or Nomad behind it, does not respond. Check the address in ${variable(facts)}, and that the proxy can reach ${address(facts)}. ${slow}`
        : facts.reached === 'response'
          ? `Nomad answers other requests, but not the login in time. A firewall may drop the packets with which its servers fetch the issuer's keys: on the leader, run curl -sS JWKSURL. ${slow}`
          : `${address(facts)} accepts connections but does not respond. Check that the input url names the port of Nomad's HTTP API (4646 by default, not 4647 or 4648). ${slow}`;
    },
  },
  'server-busy': {
    // Nomad's limit of connections is a response with 429. Over TLS, decrypting this response can fail.
    from: [/nomad/, /429/],
    to: [/nomad/, /^ERR_SSL\w*DECRYPTION_FAILED/],
    retry: 1,
    advice: adviseBusy,
  },
  'unknown-host': {
    to: [/nomad|github/, /^(ENOTFOUND|EAI_)/],
    retry: SIXTH,
    advice: (facts) =>
      `This runner cannot resolve the host name ${host(facts)}. ${facts.to === 'github' ? 'Correct' : 'Check the spelling in the input url, and'} the DNS settings of the runner. A private name needs a self-hosted runner that can resolve it. If only a proxy can, set ${facts.url.startsWith('https:') ? 'HTTPS_PROXY' : 'HTTP_PROXY'} on the runner: no other variable, such as ALL_PROXY, applies to this address.`,
  },
  'connection-refused': {
    to: [/nomad/, /^ECONNREFUSED/],
    retry: SIXTH,
    advice: (facts) =>
      /^(localhost|127\..*|\[::1\])$/.test(host(facts))
        ? `${host(facts)} is the runner itself. If the input url is not set, or what it comes from is empty in this job, it is http://localhost:4646. Set it to the address of your Nomad servers, such as https://nomad.example.com:4646. This action does not read NOMAD_ADDR: if the workflow sets it, use url: \${{ env.NOMAD_ADDR }}`
        : "Nothing listens on this address. Check the host and port in the input url (4646 is Nomad's default port). Check that the server is running, and that its bind_addr is not just 127.0.0.1.",
  },
  unreachable: {
    to: [/nomad/, /^(E\w+UNREACH|ETIMEDOUT|NO_RESPONSE)/, /nothing|response/],
    retry: SIXTH,
    advice: (facts) =>
      `This runner cannot open a connection to ${address(facts)}. GitHub-hosted runners only reach public addresses: for a private one, use a self-hosted runner inside the network. Also check the port, the firewalls in between, and whether the runner needs HTTPS_PROXY.`,
  },
  'connection-closed': {
    to: [/nomad/, /^(ECONNRESET|EPIPE|ETIMEDOUT|UND_ERR_SOCKET|ERR_SSL\w*UNEXPECTED_EOF)/],
    retry: SIXTH,
    advice: adviseClosed,
  },
  'network-error': {
    to: [/nomad/],
    advice: (facts) =>
      `The connection to ${address(facts)} failed for the reason above. If it describes a response, this is not Nomad's HTTP API, or a server in front of it sends malformed responses, or more than 1 MiB. Check the input url (https:// and port), and the network in between.`,
  },
} satisfies Record<string, Kind>;

function adviseBusy(facts: Facts): string {
  return `${host(facts)} is restarting or busy, or gets too many connections from this IP address, which runners behind the same NAT share. Raise http_max_conns_per_client in the limits block of the Nomad servers (100 by default) or the limit of a server in front of them, run fewer jobs at once, or set a longer timeout.`;
}

function adviseClosed(facts: Facts): string {
  const { proxy, url, reached, clientCertificate } = facts;
  const isTls = url.startsWith('https:');
  if (reached === 'response') {
    return adviseBusy(facts);
  }
  if (reached === 'TLS' && isTls) {
    return `${host(facts)} closes the connection after the TLS handshake. Servers do this if they require a client certificate or refuse the one they get: ${clientCertificate ? 'the one in the input clientCertificate must be' : 'set the inputs clientCertificate and clientKey to one that is'} signed by the CA of the Nomad servers, and not expired. A load balancer that reaches no Nomad server does it as well.`;
  }
  const what =
    proxy !== undefined
      ? `The proxy ${proxy.origin} (${proxy.variable}) accepts the connection, but what it leads to ends or ignores it: check in the log of the proxy whether it reaches ${address(facts)}.`
      : isTls
        ? `${address(facts)}, or a firewall in front of it, ends or ignores the TLS handshake.`
        : `${address(facts)} closes connections without a response, so it is probably not Nomad's HTTP API.`;
  return `${what} Check the port (4646 by default, not 4647 or 4648)${isTls ? '' : ', and whether it needs https://'}.${isTls ? ' If curl works on this runner, a device in between cannot handle the larger first message of Node 24: in this step, set NODE_OPTIONS: --tls-max-v1.2 under env:.' : ''}`;
}
