// Plays a release with the classes of the official component, which knows the cloud's hosts only.
// HTTPS_PROXY=... node toolkit.js NAME ONE.ZIP TWO.ZIP
const { Apigw, Cos, Scf } = require('tencent-component-toolkit');

const [name, one, two] = process.argv.slice(2);
const key = { SecretId: process.env.TENCENT_SECRET_ID, SecretKey: process.env.TENCENT_SECRET_KEY };
const region = 'ap-guangzhou';
const bucket = 'sls-cloudfunction-ap-guangzhou-code';
const said = {};
console.log = () => {}; // The component prints what it does.

const cos = new Cos(key, region);
const scf = new Scf(key, region);
const apigw = new Apigw(key, region);

async function deploy(file, more) {
  const object = `${name}-${file === one ? 1 : 2}.zip`;
  await cos.upload({ bucket: `${bucket}-1250000000`, file, key: object });
  const runtime = { runtime: 'Python3.10', handler: 'index.main_handler', timeout: 3 };
  return scf.deploy({ name, code: { bucket, object }, ...runtime, ...more });
}

function open(more) {
  const usual = { functionName: name, functionQualifier: '$DEFAULT', isIntegratedResponse: true };
  const endpoints = [{ path: '/', method: 'ANY', function: usual }];
  return apigw.deploy({ protocols: ['http', 'https'], environment: 'release', endpoints, ...more });
}

async function calls(qualifier, count) {
  const seen = {};
  for (let call = 0; call < count; call += 1) {
    const { Result } = await scf.invoke({ functionName: name, qualifier });
    const { body } = JSON.parse(Result.RetMsg);
    seen[body] = (seen[body] || 0) + 1;
  }
  return seen;
}

async function main() {
  await cos.deploy({ bucket: `${bucket}-1250000000`, force: true });
  const first = await deploy(one, { publish: true, traffic: 0 });
  said.first = [first.LastVersion, first.Traffic, first.ConfigTrafficVersion];
  const service = await open();
  said.url = service.url;
  const tenth = await deploy(two, { traffic: 0.1, lastVersion: '1' });
  said.tenth = [tenth.Traffic, tenth.ConfigTrafficVersion];
  said.calls = await calls('$DEFAULT', 20);
  const again = await open({ ...service, created: true });
  said.same = again.serviceId === service.serviceId;
  const whole = await deploy(two, { traffic: 1, lastVersion: '1' });
  said.whole = whole.Traffic;
  const weights = [{ version: '1', weight: 0.5 }];
  const alias = { aliasName: 'release', additionalVersionWeights: weights };
  await deploy(two, { publish: true, ...alias });
  said.shared = await calls('release', 8);
  const rolledBack = { aliasName: 'release', aliasFunctionVersion: '1', additionalVersionWeights: [] };
  await deploy(two, rolledBack);
  said.back = await calls('release', 4);
  await apigw.remove({ created: true, ...again, apiList: again.apiList });
  await scf.remove({ functionName: name });
  said.gone = await scf.scf.get({ functionName: name });
}

main()
  .then(() => process.stdout.write(JSON.stringify(said)))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
