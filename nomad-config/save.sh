#!/bin/sh
# Saves the auth methods of type JWT, their binding rules, and the roles and policies of a Nomad cluster to a folder, one file for each.
# Usage: save.sh FOLDER. It needs the nomad program, NOMAD_ADDR, and a management token in NOMAD_TOKEN.
set -eu
folder=$1

# The shell ends if one of these commands fails. It would not if they were in the heads of the loops.
methods=$(nomad acl auth-method list -t '{{ range . }}{{ if eq .Type "JWT" }}{{ println .Name }}{{ end }}{{ end }}')
rules=$(nomad acl binding-rule list -t '{{ range . }}{{ println .AuthMethod .ID }}{{ end }}')
roles=$(nomad acl role list -t '{{ range . }}{{ println .Name }}{{ end }}')
policies=$(nomad acl policy list -t '{{ range . }}{{ println .Name }}{{ end }}')

save() {
  file="$folder/$1.json"
  nomad operator api "/v1/acl/$2?pretty" </dev/null >"$file"
  # The exit status of this command is 0 even if Nomad returns an error.
  grep -q '^{' "$file" || { cat "$file" >&2 && exit 1; }
}

mkdir -p "$folder"
rm -f "$folder"/auth-method*.json "$folder"/binding-rule*.json "$folder"/role*.json "$folder"/polic*.json "$folder"/*.hcl
for name in $methods; do
  save "auth-method-$name" "auth-method/$name"
  for id in $(echo "$rules" | sed -n "s/^$name //p"); do save "binding-rule-$id" "binding-rule/$id"; done
done
for name in $roles; do save "role-$name" "role/name/$name"; done
for name in $policies; do save "policy-$name" "policy/$name"; done
