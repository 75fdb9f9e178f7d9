// Jobs a second of graphile-worker with its best settings: a local queue of 500, completions in batches.
// usage: DATABASE_URL=... node graphile_worker.mjs JOBS
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const jobs = Number(process.argv[2]);
const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});
const utils = await makeWorkerUtils({ connectionString, logger });
await utils.migrate();
for (let first = 0; first < jobs; first += 10000) {
  const some = Math.min(10000, jobs - first);
  await utils.addJobs(Array.from({ length: some }, (_, i) => ({ identifier: "call", payload: { i: first + i } })));
}
await utils.withPgClient((client) => client.query("vacuum analyze"));
const waiting = async () => {
  const query = "select count(*)::int as n from graphile_worker._private_jobs";
  return (await utils.withPgClient((client) => client.query(query))).rows[0].n;
};
const worker = {
  connectionString,
  concurrentJobs: 24,
  maxPoolSize: 26,
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
  pollInterval: 100,
};
let done = 0;
let finish;
const finished = new Promise((resolve) => { finish = resolve; });
const start = performance.now();
const runner = await run({
  preset: { worker }, logger, noHandleSignals: true,
  taskList: { call: async () => { if (++done === jobs) finish(); } },
});
await finished;
while ((await waiting()) > 0) await new Promise((resolve) => { setTimeout(resolve, 5); });
console.log(Math.round((jobs * 1000) / (performance.now() - start)));
await runner.stop();
await utils.release();
process.exit(0);
