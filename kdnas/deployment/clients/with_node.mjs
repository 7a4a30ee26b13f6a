// A bundle's logits by transformers.js. The environment variable KDNAS_NODE names the folder of its node_modules.

import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.env.KDNAS_NODE, "any.js"));
const { AutoModelForSequenceClassification, AutoTokenizer, env } = require("@huggingface/transformers");

const [folder, file] = process.argv.slice(2);
// The library takes a folder's name for that of a repository, which has no space.
env.localModelPath = mkdtempSync(join(tmpdir(), "kdnas-"));
symlinkSync(folder, join(env.localModelPath, "bundle"));
process.on("exit", () => rmSync(env.localModelPath, { recursive: true }));
env.allowRemoteModels = false;
env.useFSCache = false;
const tokenizer = await AutoTokenizer.from_pretrained("bundle");
const model = await AutoModelForSequenceClassification.from_pretrained("bundle", {
    dtype: file.endsWith("_quantized.onnx") ? "q8" : "fp32",
});
const withTypes = tokenizer.config.model_input_names.includes("token_type_ids");

const count = (text) => tokenizer(text, { add_special_tokens: false, return_tensor: false }).input_ids.length;

// As training cut: the end of the longer text goes first. The library's `truncation` cuts off the end of the row, so
// its closing token too, and leaves the first of two texts whole.
function encode([first, second = null]) {
    const row = tokenizer(first, { text_pair: second, return_token_type_ids: withTypes });
    const length = row.input_ids.size;
    const [ones, twos] = [count(first), second === null ? 0 : count(second)];
    const room = tokenizer.model_max_length - (length - ones - twos);
    if (ones + twos <= room) return row;
    let most = [room, 0];
    if (second !== null) {
        const shorter = Math.min(ones, twos, Math.floor(room / 2));
        most = ones <= twos ? [shorter, room - shorter] : [room - shorter, shorter];
    }
    const last = length - 1; // the closing token; the opening one is at 0
    const stays = (_, at) => at <= most[0] || (at > ones && at < last - twos + most[1]) || at === last;
    return Object.fromEntries(
        Object.entries(row).map(([name, tensor]) => {
            const values = tensor.data.filter(stays);
            return [name, new tensor.constructor(tensor.type, values, [1, values.length])];
        }),
    );
}

const logits = [];
for (const texts of JSON.parse(readFileSync(0, "utf8"))) {
    const output = await model(encode(texts));
    logits.push([...output.logits.data]);
}
process.stdout.write(JSON.stringify(logits));
