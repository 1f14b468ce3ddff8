// undici only has types for its index. undici.ts gives its parts the types of what they export.
declare module 'undici/lib/*' {
  const part: unknown;
  export default part;
}
