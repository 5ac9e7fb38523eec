// Plays the official component and the official COS client against a server, and says what came.
// node cos.js PROXY SECRET_ID SECRET_KEY BUCKET FILE
const fs = require('node:fs');
const http = require('node:http');
const { Cos } = require('tencent-component-toolkit');
const Sdk = require('cos-nodejs-sdk-v5');

const [proxy, SecretId, SecretKey, bucket, file] = process.argv.slice(2);
// All that is told beside the key: plain HTTP, and a proxy, which is the server itself.
const told = { SecretId, SecretKey, Protocol: 'http:', Proxy: proxy };
const there = { Bucket: bucket, Region: 'ap-guangzhou' };
const said = {};
console.log = () => {}; // The component prints what it does.

/** PUT a body to a signed address, as the component does once it has asked for one. */
function put(url, body) {
  const { hostname, port } = new URL(proxy);
  const { host, pathname, search } = new URL(url);
  const headers = { Host: host, 'Content-Length': body.length };
  const asked = { hostname, port, method: 'PUT', path: pathname + search, headers };
  return new Promise((resolve, reject) => {
    const request = http.request(asked, (answer) => answer.resume().on('end', () => resolve(answer.statusCode)));
    request.on('error', reject).end(body);
  });
}

async function refusal(ask) {
  try {
    await ask();
    return 'it was not refused';
  } catch (error) {
    return error.code;
  }
}

async function component() {
  const cos = new Cos({ ...told }, 'ap-guangzhou');
  const lifecycle = [
    {
      status: 'Enabled',
      id: 'deleteObject',
      filter: '',
      expiration: { days: '10' },
      abortIncompleteMultipartUpload: { daysAfterInitiation: '10' },
    },
  ];
  for (const force of [true, true]) await cos.deploy({ bucket, force, lifecycle });
  const url = await cos.getObjectUrl({ bucket, object: 'code.zip', method: 'PUT' });
  said.put = await put(url, fs.readFileSync(file));
  await cos.upload({ bucket, dir: `${__dirname}/node_modules/cos-nodejs-sdk-v5/sdk` });
  said.listed = (await cos.getBucket({ bucket })).Contents.map((one) => one.Key);
  return cos;
}

async function client() {
  const sdk = new Sdk(told);
  const code = fs.readFileSync(file);
  const body = Buffer.alloc(5 << 20, 'huidu');
  const large = `${file}.large`;
  fs.writeFileSync(large, body);
  const sliced = { Key: '目录/a b+.bin', FilePath: large, SliceSize: 1 << 20, ChunkSize: 2 << 20 };
  const sent = await sdk.uploadFile({ ...there, ...sliced });
  said.parts = sent.ETag.replaceAll('"', '').split('-')[1];
  const back = await sdk.getObject({ ...there, Key: '目录/a b+.bin' });
  said.large = back.Body.equals(body);
  said.code = (await sdk.getObject({ ...there, Key: 'code.zip' })).Body.equals(code);
  said.rules = (await sdk.getBucketLifecycle(there)).Rules.map((rule) => rule.Expiration.Days);
  const begun = await sdk.multipartInit({ ...there, Key: 'begun' });
  said.begun = (await sdk.multipartList(there)).Upload.map((upload) => upload.Key);
  await sdk.multipartAbort({ ...there, Key: 'begun', UploadId: begun.UploadId });
  said.refused = [
    await refusal(() => sdk.getObject({ ...there, Key: 'none' })),
    await refusal(() => sdk.getBucket({ ...there, Bucket: `no-${bucket}` })),
    await refusal(() => new Sdk({ ...told, SecretKey: 'x' }).getBucket(there)),
    await refusal(() => new Sdk({ ...told, SecretId: 'x' }).getBucket(there)),
  ];
}

async function main() {
  const cos = await component();
  await client();
  if (process.argv.includes('remove')) {
    await cos.remove({ bucket });
    said.removed = !(await cos.isBucketExist(bucket));
  }
  process.stdout.write(JSON.stringify(said));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
