import type { Facts } from '../failure.js';

export const EMPTY = 'If it is set, the secret or output that it comes from is empty in this job.';

export const host = ({ url }: Pick<Facts, 'url'>): string => new URL(url).hostname;

export const address = ({ url }: Facts): string =>
  `${host({ url })}:${new URL(url).port || (url.startsWith('https:') ? '443' : '80')}`;

export const variable = ({ proxy }: Facts): string => proxy?.variable ?? 'HTTPS_PROXY';

/** The codes of OpenSSL for a certificate that does not pass verification, which have no prefix, unlike those of Node and undici. */
export const VERIFICATION = /^(?!E[A-Z]+$|[A-Z]+_ERR|EAI_|ERR_|HPE_|NO_RESPONSE)[A-Z_]+$/;

/** Returns the first ten of these, so that a long list does not push the advice out of the annotation. */
export const list = (values: string[]): string =>
  `${values.slice(0, 10).join(', ')}${values.length > 10 ? ` and ${String(values.length - 10)} more` : ''}`;
