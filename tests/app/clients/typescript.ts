// A video by a client whose types openapi-typescript made: compiled strictly, then run against a server.
import { openAsBlob } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Job = components["schemas"]["JobAnswer"];

const [address, photo, voice] = process.argv.slice(2) as [string, string, string];
const client = createClient<paths>({ baseUrl: address });
const files = { image: await openAsBlob(photo), audio: await openAsBlob(voice) };

function toForm(body: Record<string, unknown>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...body, ...files })) {
    if (value instanceof Blob) form.append(name, value);
    else if (typeof value === "object") form.append(name, new Blob([JSON.stringify(value)], { type: "application/json" }));
    else form.append(name, String(value));
  }
  return form;
}

const crop: components["schemas"]["Crop"] = { zoom: 1.2 };
const { data, error, response } = await client.POST("/jobs", {
  params: { header: { Prefer: "wait=60" } },
  body: { image: "", audio: "", seed: 7, crop, max_duration_sec: 1 },
  bodySerializer: toForm,
});
if (error) throw new Error(error.detail);
const job: Job = data;
if (job.status !== "done" || job.metadata?.seed !== 7) throw new Error(`${response.status} ${job.status}`);

const state = await client.GET("/jobs/{job_id}", { params: { path: { job_id: job.job_id } } });
const cost: number | null | undefined = state.data?.cost?.price_usd;
const video = await client.GET("/jobs/{job_id}/video", { params: { path: { job_id: job.job_id } }, parseAs: "blob" });
const bytes = new Uint8Array(await (video.data as unknown as Blob).arrayBuffer());
if (new TextDecoder().decode(bytes.slice(4, 8)) !== "ftyp") throw new Error("No mp4");

const missing = await client.GET("/jobs/{job_id}", { params: { path: { job_id: "nothing" } } });
const problem: components["schemas"]["Problem"] | undefined = missing.error;
if (problem?.status !== 404) throw new Error("No problem");
console.log(`${bytes.length} bytes, cost ${cost}`);
