// Sends C-FIND, N-CREATE and N-SET by dcmjs-dimse. A line of JSON on standard input is one association:
//   {"port": 11112, "calling": "CT01", "called": "STEPWISE", "requests": [{"verb": "N-SET", "uid": "1.2.3", "elements": {…}}]}
// `elements` are by keyword, items of sequences in lists; `bytes`, in base64, are a data set (Explicit VR) that the library would not write
// itself and sends as it is. An N-CREATE without `uid` names no instance. A line on standard output answers it:
//   {"answers": [{"status": 0, "comment": "", "error_id": null, "uid": "1.2.3", "tags": [], "elements": {…}}]} or {"error": "…"}
// Each pending response to a C-FIND is an answer of its own; the final one comes last.
"use strict";

const readline = require("node:readline");
const { Client, Dataset, constants, log, requests } = require("dcmjs-dimse");

const MPPS = constants.SopClass.ModalityPerformedProcedureStep;
const PENDING = [0xff00, 0xff01];
const { CFindRequest, NCreateRequest, NSetRequest } = requests;
log.setLevel("silent");

function dataSetOf(elements, bytes) {
  const { ExplicitVRLittleEndian, ImplicitVRLittleEndian } = constants.TransferSyntax;
  const dataset = new Dataset(elements ?? {}, bytes ? ExplicitVRLittleEndian : ImplicitVRLittleEndian);
  if (bytes) dataset.getDenaturalizedDataset = () => Buffer.from(bytes, "base64");
  return dataset;
}

function requestOf({ verb, uid, elements, bytes }) {
  if (verb === "C-FIND") return CFindRequest.createWorklistFindRequest(elements);
  const request = verb === "N-CREATE" ? new NCreateRequest(MPPS, uid ?? "1.2") : new NSetRequest(MPPS, uid);
  if (uid === undefined) delete request.getCommandDataset().elements.AffectedSOPInstanceUID;
  if (elements || bytes) request.setDataset(dataSetOf(elements, bytes));
  return request;
}

function answerOf(response) {
  const command = response.getCommandDataset().getElements();
  const dataset = response.getDataset();
  return {
    status: response.getStatus(),
    comment: command.ErrorComment ?? "",
    error_id: command.ErrorID ?? null,
    uid: command.AffectedSOPInstanceUID ?? "",
    tags: [command.AttributeIdentifierList ?? []].flat(),
    elements: dataset ? dataset.getElements() : null,
  };
}

// The library at times asks twice for the release, and writes the second one to a socket that it has ended: that is no matter of the answers.
function isAnswered(answers, asked) {
  return answers.filter(({ status }) => !PENDING.includes(status)).length === asked.length;
}

function associate({ port, calling, called, requests: asked }) {
  return new Promise((resolve) => {
    const answers = [];
    const client = new Client();
    for (const one of asked) {
      const request = requestOf(one);
      request.on("response", (response) => answers.push(answerOf(response)));
      client.addRequest(request);
    }
    client.on("associationRejected", (why) => resolve({ error: `rejected ${why.result}/${why.source}/${why.reason}` }));
    client.on("networkError", (error) => resolve(isAnswered(answers, asked) ? { answers } : { error: String(error) }));
    client.on("closed", () => resolve({ answers }));
    client.send("127.0.0.1", port, calling, called);
  });
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = await associate(JSON.parse(line));
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
