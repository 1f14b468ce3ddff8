import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { formatTime } from '../deadline.js';
import type { Facts } from '../failures/failure.js';
import type { Connection } from '../inputs/inputs.js';
import type { Proxy } from '../proxy.js';
import { quoteName } from '../secrets.js';
import type { NetworkError } from './network-error.js';

type ServerCertificate = NonNullable<Facts['certificate']>;
type Link = Partial<DetailedPeerCertificate>;

const MAX_HANDSHAKE_MS = 2_000;

/** Describes the certificates with which a server failed verification; undefined for other errors. */
export async function inspectCertificate(
  { cert, code = '' }: NetworkError,
  { url, tlsServerName }: Connection,
  proxy: Proxy | undefined,
): Promise<ServerCertificate | undefined> {
  const isAboutCertificate = /CERT|ISSUER|SIGN/.test(code) && !code.startsWith('ERR_SSL');
  const certificate = cert ?? (isAboutCertificate && !proxy ? await fetchCertificate(url, tlsServerName) : undefined);
  return certificate && describe(certificate);
}

// Node only attaches certificates to errors about the name. This connection sends nothing.
function fetchCertificate(url: string, serverName: string | undefined): Promise<PeerCertificate | undefined> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const servername = serverName ?? (isIP(host) === 0 ? host : '');
  return new Promise((resolve) => {
    const options = { host, port: Number(port || 443), servername, rejectUnauthorized: false };
    const finish = (certificate?: PeerCertificate): void => {
      resolve(certificate);
      socket.destroy();
    };
    const socket = connect(options, () => finish(socket.getPeerCertificate(true)));
    socket.setTimeout(MAX_HANDSHAKE_MS, finish).on('error', () => finish());
  });
}

function describe(certificate: Link): ServerCertificate {
  const chain = listChain(certificate);
  const names = (certificate.subjectaltname ?? '').split(', ');
  return {
    names: names
      .flatMap((name) => /^(?:DNS|IP Address):"?([^"]+)/.exec(name)?.[1] ?? [])
      .map((name) => quoteName(name, 100)),
    issuer: readName(chain.at(-1)?.issuer),
    validity: chain.map(describeValidity).find((validity) => validity !== '') ?? '',
  };
}

// A self-signed certificate is its own issuer.
function listChain(link: Link): Link[] {
  const { issuerCertificate: issuer } = link;
  return issuer === undefined || issuer.fingerprint256 === link.fingerprint256 ? [link] : [link, ...listChain(issuer)];
}

function describeValidity({ subject, valid_from: from = '', valid_to: to = '' }: Link): string {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  const isValid = fromMs <= Date.now() && Date.now() <= toMs;
  return isValid ? '' : `${readName(subject)} is valid from ${formatTime(fromMs)} to ${formatTime(toMs)}`;
}

function readName(subject: PeerCertificate['subject'] | undefined): string {
  return quoteName(String(subject?.CN ?? subject?.O ?? 'without a name'), 100);
}
