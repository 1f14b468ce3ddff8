import * as tls from 'node:tls';

// Only Node 22.19, 24.5 and later can read the operating system's store and add it to the roots.
const { getCACertificates, setDefaultCACertificates } = tls as {
  getCACertificates?: (store: 'default' | 'system') => string[];
  setDefaultCACertificates?: (certificates: string[]) => void;
};

let isSystemTrusted = false;

/** Adds the operating system's root certificates to those of this process; returns false if it did so before, or Node cannot. */
export function trustSystemStore(): boolean {
  if (isSystemTrusted || getCACertificates === undefined || setDefaultCACertificates === undefined) {
    return false;
  }
  isSystemTrusted = true;
  setDefaultCACertificates([...getCACertificates('default'), ...getCACertificates('system')]);
  return true;
}
