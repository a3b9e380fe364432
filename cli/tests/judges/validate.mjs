// Validates documents against the schemas of `bulkrail schema` with Ajv (npm): node validate.mjs SCHEMAS DOCUMENTS MODULES
//
// DOCUMENTS has a JSON object on each line: the schema's name, the command, and the document. Each document is validated
// twice: by the schema as it is printed, and by one whose objects have no other fields, which notices a field that the
// schema does not have.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [schemasFile, documentsFile, modules] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const Ajv = require('ajv/dist/2020').default;
const addFormats = require('ajv-formats').default;

const schemas = JSON.parse(readFileSync(schemasFile, 'utf8'));

function ajv() {
  const validator = new Ajv({ strict: true, allErrors: true, validateFormats: true });
  addFormats(validator);
  // The formats of integers in OpenAPI, which Ajv does not have.
  const unsigned = (limit) => ({ type: 'number', validate: (n) => Number.isInteger(n) && n >= 0 && n <= limit });
  validator.addFormat('uint16', unsigned(2 ** 16 - 1));
  validator.addFormat('uint32', unsigned(2 ** 32 - 1));
  validator.addFormat('uint64', unsigned(2 ** 64));
  validator.addFormat('uint', unsigned(2 ** 64));
  return validator;
}

// A copy of a schema whose objects have the fields of `properties` only.
function closed(schema) {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  if (schema.type === 'object' && schema.properties && !('additionalProperties' in schema)) {
    copy.additionalProperties = false;
  }
  return copy;
}

const open = ajv();
const strict = ajv();
const validators = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => {
    if (schema.$schema !== 'https://json-schema.org/draft/2020-12/schema') throw new Error(`${name}: ${schema.$schema}`);
    return [name, [open.compile(schema), strict.compile(closed(schema))]];
  }),
);

const counts = Object.fromEntries(Object.keys(schemas).map((name) => [name, 0]));
let failed = 0;
for (const line of readFileSync(documentsFile, 'utf8').split('\n').filter(Boolean)) {
  const { schema, command, document } = JSON.parse(line);
  if (!validators[schema]) throw new Error(`there is no schema ${schema}`);
  counts[schema] += 1;
  for (const validate of validators[schema]) {
    if (!validate(document)) {
      failed += 1;
      const errors = validate.errors.map(({ instancePath, message, params }) =>
        `${instancePath || '/'} ${message} ${JSON.stringify(params)}`);
      console.log(`${command}\n  is not a document of the schema ${schema}: ${[...new Set(errors)].slice(0, 5).join('; ')}`);
      break;
    }
  }
}
for (const [name, count] of Object.entries(counts)) {
  console.log(`${name}: ${count} documents`);
  if (count === 0) {
    failed += 1;
    console.log(`no document of the schema ${name} was seen`);
  }
}
process.exit(failed === 0 ? 0 : 1);
