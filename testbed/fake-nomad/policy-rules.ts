import { Unknown } from '../../nomad-rules/errors.js';

// The usual part of https://developer.hashicorp.com/nomad/docs/reference/acl-policy
const CAPABILITIES =
  `deny list-jobs parse-job read-job submit-job dispatch-job scale-job register-job deregister-job purge-job revert-job
  plan-job evaluate-job read-logs read-fs alloc-exec alloc-node-exec alloc-lifecycle csi-register-plugin csi-write-volume
  csi-read-volume csi-list-volume csi-mount-volume host-volume-create host-volume-register host-volume-read host-volume-write
  host-volume-delete list-scaling-policies read-scaling-policy read-job-scaling fail-deployment pause-deployment
  promote-deployment unblock-deployment cancel-deployment`.split(/\s+/);
const POLICY = String.raw`policy\s*=\s*"(?:deny|read|write|scale)"\s*`;
const NAMESPACE = [
  String.raw`namespace\s+"[a-zA-Z0-9*-]{1,128}"\s*\{\s*`,
  `(?:(?:${POLICY})?(?:${list(CAPABILITIES)})?|${list(CAPABILITIES)}${POLICY})`,
  String.raw`(?:variables\s*\{\s*(?:path\s+"[\w*][\w*/.-]*"\s*\{\s*${list(['deny', 'list', 'read', 'write', 'destroy'])}\}\s*)+\}\s*)?\}`,
].join('');
const OTHERS = String.raw`(?:agent|node|operator|quota|plugin|node_pool\s+"[\w*-]{1,128}"|host_volume\s+"[a-zA-Z0-9*-]{1,128}")\s*\{\s*${POLICY}\}`;
const RULES = new RegExp(String.raw`^\s*(?:(?:${NAMESPACE}|${OTHERS.replace('|scale', '')})\s*)*$`);
const COMMENT = /("[^"\n]*")|(?:#|\/\/)[^\n]*|\/\*[^]*?\*\//g;

function list(names: string[]): string {
  const name = `"(?:${names.join('|')})"`;
  return String.raw`capabilities\s*=\s*\[\s*(?:${name}\s*(?:,\s*${name}\s*)*,?\s*)?\]\s*`;
}

/** Accepts the rules of a policy; throws a refusal if they are more than the usual blocks, which a real Nomad may reject. */
export function checkPolicyRules(rules: string): void {
  const blocks = rules.replace(COMMENT, '$1');
  const heads = [...blocks.matchAll(/^\s*(\w+(?:\s+"[^"]*")?)\s*\{/gm)].map(([, head = '']) =>
    head.replace(/\s+/g, ' '),
  );
  const tops = heads.filter((head) => !/^(?:variables|path)\b/.test(head));
  if (!RULES.test(blocks) || new Set(tops).size < tops.length) {
    throw new Unknown('the rules of this policy');
  }
}
