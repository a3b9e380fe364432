// Compares our word about each edited spec with the words of two independent programs.
// Usage: node judge.mjs DIRECTORY_OF_EDITS NODE_MODULES. The edits come from specdiff/tests/it/spec_edits.rs.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const LEAST_EDITS = 60;
// Large unions take the programs minutes.
const TIMEOUT_MS = 2500;
const [directory, modules] = isMainThread ? process.argv.slice(2) : [null, workerData.modules];
const require = createRequire(path.resolve(modules, 'judge.cjs'));
const reviewed = JSON.parse(fs.readFileSync(new URL('reviewed.json', import.meta.url), 'utf8'));

// Both programs have a class that is between breaking and not, and a class that we do not have.
const strongest = (words) =>
    ['breaking', 'unclassified', 'deprecated', 'non-breaking', 'annotation'].find((word) => words.includes(word)) ?? 'nothing';

// Leaves out the operations that are the same in both documents, with all that they refer to: comparing unions takes both
// programs minutes. One is kept, because a description needs one.
function reduced(edit) {
    const { before, after } = edit;
    const resolve = (document, value, open = []) => {
        if (Array.isArray(value)) return value.map((one) => resolve(document, one, open));
        if (value === null || typeof value !== 'object') return value;
        const reference = value.$ref;
        if (typeof reference === 'string' && reference.startsWith('#/') && !open.includes(reference)) {
            const keys = reference.slice(2).split('/').map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
            return resolve(document, keys.reduce((inner, key) => inner?.[key], document), [...open, reference]);
        }
        return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolve(document, one, open)]));
    };
    const text = (document, path) => JSON.stringify(resolve(document, document.paths[path]));
    const paths = Object.keys(before.paths).filter((path) => path in after.paths);
    const same = paths.filter((path) => text(before, path) === text(after, path));
    const size = (path) => text(before, path).length;
    same.sort((a, b) => size(a) - size(b));
    if (same.length === Object.keys(before.paths).length) same.shift();
    for (const document of [before, after]) same.forEach((path) => delete document.paths[path]);
    return edit;
}

async function wordOfOpenapiDiff({ before, after }) {
    const side = (document, location) => ({ content: JSON.stringify(document), location, format: 'openapi3' });
    const found = await require('openapi-diff').diffSpecs({ sourceSpec: side(before, 'before'), destinationSpec: side(after, 'after') });
    const words = { breakingDifferences: 'breaking', unclassifiedDifferences: 'unclassified', nonBreakingDifferences: 'non-breaking' };
    return strongest(Object.keys(words).filter((key) => found[key]?.length > 0).map((key) => words[key]));
}

async function wordOfApiSmartDiff({ before, after }) {
    return strongest(require('api-smart-diff').apiCompare(before, after).diffs.map((one) => one.type));
}

const JUDGES = { 'openapi-diff': wordOfOpenapiDiff, 'api-smart-diff': wordOfApiSmartDiff };

// Asks a program in a thread of its own, which ends when it takes too long.
const workers = {};
function word(judge, edit) {
    workers[judge] ??= new Worker(new URL(import.meta.url), { workerData: { judge, modules } });
    const worker = workers[judge];
    return new Promise((resolve) => {
        const timer = setTimeout(() => {
            delete workers[judge];
            worker.terminate();
            resolve(`error (no word in ${TIMEOUT_MS / 1000} s)`);
        }, TIMEOUT_MS);
        worker.once('message', (text) => {
            clearTimeout(timer);
            resolve(text);
        });
        worker.postMessage(edit);
    });
}

async function main() {
    const row = (cells) => console.log(cells.map((cell, index) => String(cell).padEnd([44, 14, 11, 30, 0][index])).join('').trimEnd());
    const files = fs.readdirSync(directory).filter((file) => file.endsWith('.json')).sort();
    const edits = files.map((file) => JSON.parse(fs.readFileSync(path.join(directory, file), 'utf8')));
    edits.sort((a, b) => a.name.localeCompare(b.name) || a.provider.localeCompare(b.provider));

    row(['edit', 'provider', 'ours', ...Object.keys(JUDGES)]);
    const failures = [];
    const counts = { same: 0, errors: 0 };
    const used = new Set();
    for (const edit of edits) {
        const words = {};
        const small = reduced({ before: edit.before, after: edit.after });
        const names = Object.keys(JUDGES);
        const all = await Promise.all(names.map((name) => word(name, small)));
        names.forEach((name, index) => (words[name] = all[index]));
        row([edit.name, edit.provider, edit.ours, ...Object.values(words)]);
        for (const [name, theirs] of Object.entries(words)) {
            if (theirs.startsWith('error')) counts.errors += 1;
            if ((theirs === 'breaking') === (edit.ours === 'breaking')) counts.same += 1;
            if (edit.ours !== 'nothing' || theirs !== 'breaking') continue;
            const reason = reviewed.find((one) => one.edit === edit.name && one.provider === edit.provider && one.judge === name);
            if (reason) used.add(reason);
            if (reason) console.log(`    reviewed (${name}): ${reason.reason}`);
            else failures.push(`${edit.name}, ${edit.provider}: nothing for us, breaking for ${name}`);
        }
    }
    for (const one of reviewed.filter((one) => !used.has(one))) {
        failures.push(`reviewed.json: ${one.edit}, ${one.provider}, ${one.judge} is not a disagreement any more; remove it`);
    }
    if (edits.length < LEAST_EDITS) failures.push(`${edits.length} edits, at least ${LEAST_EDITS} are expected`);
    if (counts.errors > edits.length) failures.push(`${counts.errors} comparisons ended with an error`);
    console.log(`${edits.length} edits; of ${2 * edits.length} words, ${counts.same} agree with ours on whether the edit is breaking`);
    failures.forEach((failure) => console.log(`FAILED: ${failure}`));
    return failures.length > 0 ? 1 : 0;
}

if (!isMainThread) {
    parentPort.on('message', async (edit) => {
        try {
            parentPort.postMessage(await JUDGES[workerData.judge](edit));
        } catch (error) {
            parentPort.postMessage(`error (${String(error.message ?? error).split('\n')[0].slice(0, 20)})`);
        }
    });
} else {
    process.exit(await main());
}
