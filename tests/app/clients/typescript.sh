#!/bin/sh
# By hand, with Node.js 20 or later and access to npm: lints the description with the default rules of Redocly and of
# Spectral, makes types of it, compiles typescript.ts with them, and has it make a video.
#   sh tests/app/clients/typescript.sh http://127.0.0.1:7860
set -eu
address=$1
here=$(cd "$(dirname "$0")" && pwd)
assets=$here/../../../assets
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$here/typescript.ts" make.ts
printf '{"type": "module"}' >package.json
npm install --silent openapi-typescript@7.13.0 openapi-fetch typescript@5 @types/node@20 @redocly/cli @stoplight/spectral-cli
curl -fsS "$address/openapi.json" -o openapi.json
echo 'extends: [recommended]' >redocly.yaml
echo 'extends: ["spectral:oas"]' >.spectral.yaml
npx redocly lint --config redocly.yaml openapi.json
npx spectral lint --fail-severity warn openapi.json
npx openapi-typescript openapi.json -o schema.d.ts
npx tsc --strict --noUnusedLocals --exactOptionalPropertyTypes --module nodenext --target es2022 --skipLibCheck make.ts
node make.js "$address" "$assets/photos/grace_hopper.jpg" "$assets/voices/joe.wav"
