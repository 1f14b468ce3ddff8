type Block = Record<string, unknown>;

interface Module {
  resources?: { address: string; mode: string; type: string; values: Block }[];
  child_modules?: Module[];
}

/** The output of `terraform show -json`: https://developer.hashicorp.com/terraform/internals/json-format */
export interface Shown {
  errored?: boolean;
  planned_values?: { root_module: Module };
  values?: { root_module: Module };
  resource_changes?: { address: string; mode: string; type: string; change: { after_unknown: Block } }[];
}

// What decides a login, with its names in Nomad's API. Keys are left out: the simulator replaces them.
const NAMES: Record<string, string> = {
  auth_method: 'AuthMethod',
  bind_name: 'BindName',
  bind_type: 'BindType',
  bound_audiences: 'BoundAudiences',
  bound_issuer: 'BoundIssuer',
  claim_mappings: 'ClaimMappings',
  clock_skew_leeway: 'ClockSkewLeeway',
  config: 'Config',
  expiration_leeway: 'ExpirationLeeway',
  list_claim_mappings: 'ListClaimMappings',
  max_token_ttl: 'MaxTokenTTL',
  name: 'Name',
  not_before_leeway: 'NotBeforeLeeway',
  policy: 'Policies',
  selector: 'Selector',
  signing_algs: 'SigningAlgs',
  token_locality: 'TokenLocality',
  token_name_format: 'TokenNameFormat',
  type: 'Type',
};

/** Returns the objects of Nomad's ACL system in a plan or a state, by the type of their resource; throws an error if it is none. */
export function readShown(shown: Shown | null | undefined): (type: string) => Block[] {
  const root = (shown?.planned_values ?? shown?.values)?.root_module;
  if (root === undefined || shown?.errored) {
    throw new Error('must contain the output of "terraform show -json" for a plan without errors, or for a state.');
  }
  const unknown = (shown?.resource_changes ?? [])
    .filter(isManaged)
    .flatMap(({ address, change }) => listUnknown(address, change.after_unknown));
  if (unknown.length > 0) {
    throw new Error(`has values that are known only after apply: ${unknown.join(', ')}.`);
  }
  const resources = listModules(root).flatMap(({ resources: own = [] }) => own.filter(isManaged));
  return (type) => resources.filter((resource) => resource.type === type).map(({ values }) => rename(values));
}

function isManaged({ mode, type }: { mode: string; type: string }): boolean {
  return mode === 'managed' && /^nomad_acl_(?:auth_method|binding_rule|policy|role)$/.test(type);
}

function listModules(module: Module): Module[] {
  return [module, ...(module.child_modules ?? []).flatMap(listModules)];
}

function rename(block: Block): Block {
  const entries = Object.entries(block).flatMap(([name, value]) =>
    NAMES[name] === undefined || value === null ? [] : [[NAMES[name], isBlocks(value) ? value.map(rename) : value]],
  );
  const { Config, ...renamed } = Object.fromEntries(entries) as { Config?: Block[] } & Block;
  return Config === undefined ? renamed : { ...renamed, Config: Config[0] };
}

function listUnknown(address: string, block: Block): string[] {
  return Object.entries(block).flatMap(([name, value]) => {
    if (NAMES[name] === undefined) {
      return [];
    }
    const place = `${address}.${name}`;
    return isBlocks(value)
      ? value.flatMap((part) => listUnknown(place, part))
      : JSON.stringify(value).includes('true')
        ? [place]
        : [];
  });
}

function isBlocks(value: unknown): value is Block[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null);
}
