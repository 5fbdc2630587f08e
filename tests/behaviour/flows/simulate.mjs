// Evaluates IAM requests with iam-simulate: one batch of JSON from standard input, one JSON answer to standard output.
// Argument: the folder that holds node_modules. Requests name their policy documents by id, so that a mutant replaces one document.
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { fileURLToPath, pathToFileURL } from 'node:url'

const WORKERS = 2
const EVERYTHING = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
// iam-simulate drops encryption contexts from requests, since it takes only names with a slash for a family of keys. Under a name of
// such a family, in policies and requests alike, they are compared as what they are: strings.
const CONTEXT = /kms:EncryptionContext:/g
const FAMILY = 'aws:PrincipalTag/kms-encryption-context-'
const folder = isMainThread ? process.argv[2] : workerData.folder
const library = pathToFileURL(`${folder}/node_modules/@cloud-copilot/iam-simulate/dist/esm/index.js`)
const { anonymousPrincipal, runSimulation } = await import(library)

function simulation(request, documents) {
  const named = (ids) => ids.map((id) => ({ name: id, policy: documents[id] }))
  const anonymous = request.principal === null
  return {
    request: {
      principal: anonymous ? anonymousPrincipal : request.principal,
      action: request.action,
      resource: { resource: request.resource, accountId: request.account },
      contextVariables: request.context,
    },
    identityPolicies: anonymous ? [] : named(request.identity),
    serviceControlPolicies: anonymous ? [] : [{ orgIdentifier: 'root', policies: [{ name: 'all', policy: EVERYTHING }] }],
    resourceControlPolicies: [],
    resourcePolicy: request.resource_policy ? documents[request.resource_policy] : undefined,
    permissionBoundaryPolicies: request.boundary ? named([request.boundary]) : undefined,
    vpcEndpointPolicies: request.endpoint ? named([request.endpoint]) : undefined,
    additionalSettings: { s3: { blockPublicAccess: request.public_access_blocked } },
  }
}

async function judge(request, documents) {
  const checked = await runSimulation(simulation(request, documents), {})
  if (checked.resultType === 'error') return { error: JSON.stringify(checked.errors) }
  const results = checked.results ?? [checked.result]
  const ignored = results.flatMap((result) => result.ignoredContextKeys ?? [])
  if (ignored.length) return { error: `context keys that the action does not know: ${ignored}` }
  return { result: checked.overallResult }
}

async function verdict(request, documents) {
  const { result, error } = await judge(request, documents)
  return error ? { error } : { result, allowed: result === 'Allowed' }
}

function touches(request, id) {
  return [request.resource_policy, request.boundary, request.endpoint, ...request.identity].includes(id)
}

async function killer({ document, policy }, requests, documents) {
  const changed = { ...documents, [document]: policy }
  for (const [index, request] of requests.entries()) {
    if (!touches(request, document)) continue
    const { error, allowed } = await verdict(request, changed)
    if (error || allowed !== request.expected) return index
  }
  return null
}

if (isMainThread) {
  const batch = JSON.parse(readFileSync(0, 'utf8').replace(CONTEXT, FAMILY))
  const verdicts = []
  for (const request of batch.requests) verdicts.push(await verdict(request, batch.documents))
  const shares = Array.from({ length: WORKERS }, (_, start) => batch.mutants.filter((_, at) => at % WORKERS === start))
  const run = (mutants) =>
    new Promise((resolve, reject) => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { ...batch, mutants, folder } })
      worker.on('message', resolve).on('error', reject)
    })
  const answers = batch.mutants.length ? await Promise.all(shares.map(run)) : []
  const killers = batch.mutants.map((_, at) => answers[at % WORKERS][Math.floor(at / WORKERS)])
  process.stdout.write(JSON.stringify({ verdicts, killers }))
} else {
  const killers = []
  for (const mutant of workerData.mutants) killers.push(await killer(mutant, workerData.requests, workerData.documents))
  parentPort.postMessage(killers)
}
