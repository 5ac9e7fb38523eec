// Asks by the official SDK for Node.js, unmodified: a line with what is asked, a line with the answer.
// node sdk.js ENDPOINT SECRET_ID SECRET_KEY REGION
const readline = require('node:readline');
const { Client } = require('tencentcloud-sdk-nodejs/tencentcloud/services/scf').scf.v20180416;

const [endpoint, secretId, secretKey, region] = process.argv.slice(2);
// All that is told beside the key: where the server is, and that it speaks plain HTTP.
const profile = { httpProfile: { endpoint, protocol: 'http://' } };
const client = new Client({ credential: { secretId, secretKey }, region, profile });

async function answer({ action, parameters }) {
  try {
    return { answer: await client[action](parameters) };
  } catch ({ code, message }) {
    return { code, message };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
}

main();
