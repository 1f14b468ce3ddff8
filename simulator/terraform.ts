type Block = Record<string, unknown>;

interface Module {
  resources?: { address: string; mode: string; type: string; values: Block | null }[];
  child_modules?: Module[];
}

/** The output of `terraform show -json`: https://developer.hashicorp.com/terraform/internals/json-format */
export interface Shown {
  errored?: boolean;
  complete?: boolean;
  planned_values?: { root_module: Module };
  values?: { root_module: Module };
  prior_state?: { values?: { root_module: Module } };
  resource_changes?: {
    address: string;
    mode: string;
    type: string;
    change: { actions?: string[]; after_unknown?: Block };
  }[];
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

/** Why a file cannot be used. */
export const NO_PLAN = 'must contain the output of "terraform show -json" for a plan without errors, or for a state.';

/** Returns the objects of Nomad's ACL system in a plan or a state; throws an error if it is none. */
export function readShown(shown: Shown | null | undefined): { type: string; item: Block }[] {
  const root = (shown?.planned_values ?? shown?.values)?.root_module;
  if (root === undefined || shown?.errored) {
    throw new Error(NO_PLAN);
  }
  if (shown?.complete === false) {
    throw new Error('is incomplete. Plan without -target, until no changes are deferred.');
  }
  const changes = (shown?.resource_changes ?? []).filter(isManaged);
  const resources = listResources(root);
  const planned = [...resources, ...changes.filter(({ change }) => !change.actions?.includes('forget'))];
  const left = listResources(shown?.prior_state?.values?.root_module ?? {}).filter(({ address }) =>
    planned.every((resource) => resource.address !== address),
  );
  if (left.length > 0) {
    const list = left.map(({ address }) => address).join(', ');
    throw new Error(
      `leaves objects on the cluster that it does not contain: ${list}. Plan them as well, without -target.`,
    );
  }
  const unknown = changes.flatMap(({ address, change }) => listUnknown(address, change.after_unknown ?? {}));
  if (unknown.length > 0) {
    throw new Error(`has values that are known only after apply: ${unknown.join(', ')}.`);
  }
  return resources.map(({ type, values }) => ({ type, item: rename(values ?? {}) }));
}

function isManaged({ mode, type }: { mode: string; type: string }): boolean {
  return mode === 'managed' && /^nomad_acl_(?:auth_method|binding_rule|policy|role)$/.test(type);
}

function listResources({ resources = [], child_modules = [] }: Module): NonNullable<Module['resources']> {
  return [...resources.filter(isManaged), ...child_modules.flatMap(listResources)];
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
