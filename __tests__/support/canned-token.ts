/** Nomad's response to a login, for servers that only send this response. */
export const CANNED_TOKEN = {
  SecretID: 'c0ffee00-0000-4000-8000-000000000001',
  AccessorID: 'c0ffee00-0000-4000-8000-000000000002',
  Type: 'client',
  Policies: ['deploy'],
  Roles: null,
  ExpirationTime: '2030-01-01T00:00:00Z',
};
