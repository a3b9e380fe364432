//! Keys of each kind of object in OpenAPI 3.0.

use super::Form::{Any, Count, Flag, FlagOrSchema, List, Map, Number, Object, Place, Reference, Required, Text, Type};
use super::{Form, ObjectForm};

pub(super) static SCHEMA_OR_REFERENCE: Form = Reference(&SCHEMA);

pub(super) static DOCUMENT: ObjectForm = ObjectForm {
    name: "an OpenAPI document",
    section: "",
    // Another rule checks `openapi`, the info and the servers. A file of schemas alone has no paths.
    required: &[],
    fields: &[
        ("openapi", Any),
        ("info", Object(&INFO)),
        ("servers", List(&Object(&SERVER))),
        ("paths", Map(&Object(&PATH))),
        ("components", Object(&COMPONENTS)),
        ("security", List(&Map(&List(&Text)))),
        ("tags", Any),
        ("externalDocs", Any),
    ],
};

static INFO: ObjectForm = ObjectForm {
    name: "the info",
    section: "",
    required: &[],
    fields: &[
        ("title", Text),
        ("version", Text),
        ("description", Text),
        ("termsOfService", Text),
        ("contact", Any),
        ("license", Any),
    ],
};

static SERVER: ObjectForm = ObjectForm {
    name: "a server",
    section: "",
    required: &[],
    fields: &[("url", Text), ("description", Text), ("variables", Any)],
};

static PATH: ObjectForm = ObjectForm {
    name: "a path",
    section: "",
    required: &[],
    fields: &[
        ("$ref", Any),
        ("summary", Text),
        ("description", Text),
        ("servers", Any),
        ("parameters", List(&Reference(&PARAMETER))),
        ("get", Object(&OPERATION)),
        ("put", Object(&OPERATION)),
        ("post", Object(&OPERATION)),
        ("delete", Object(&OPERATION)),
        ("options", Object(&OPERATION)),
        ("head", Object(&OPERATION)),
        ("patch", Object(&OPERATION)),
        ("trace", Object(&OPERATION)),
    ],
};

static OPERATION: ObjectForm = ObjectForm {
    name: "an operation",
    section: "",
    required: &[],
    fields: &[
        ("operationId", Text),
        ("summary", Text),
        ("description", Text),
        ("parameters", List(&Reference(&PARAMETER))),
        ("requestBody", Reference(&BODY)),
        ("responses", Map(&Reference(&RESPONSE))),
        ("security", List(&Map(&List(&Text)))),
        ("deprecated", Flag),
        ("tags", Any),
        ("externalDocs", Any),
        ("servers", Any),
        ("callbacks", Any),
    ],
};

static PARAMETER: ObjectForm = ObjectForm {
    name: "a parameter",
    section: "parameters",
    required: &["name", "in"],
    fields: &[
        ("name", Text),
        ("in", Place),
        ("description", Text),
        ("required", Flag),
        ("deprecated", Flag),
        ("schema", Reference(&SCHEMA)),
        ("content", Map(&Object(&MEDIA))),
        ("style", Text),
        ("explode", Flag),
        ("allowReserved", Flag),
        ("allowEmptyValue", Flag),
        ("example", Any),
        ("examples", Map(&Reference(&EXAMPLE))),
    ],
};

static BODY: ObjectForm = ObjectForm {
    name: "a request body",
    section: "requestBodies",
    required: &["content"],
    fields: &[("content", Map(&Object(&MEDIA))), ("description", Text), ("required", Flag)],
};

static RESPONSE: ObjectForm = ObjectForm {
    name: "a response",
    section: "responses",
    required: &["description"],
    fields: &[
        ("description", Text),
        ("headers", Map(&Reference(&HEADER))),
        ("content", Map(&Object(&MEDIA))),
        ("links", Any),
    ],
};

static MEDIA: ObjectForm = ObjectForm {
    name: "a media type",
    section: "",
    required: &[],
    fields: &[
        ("schema", Reference(&SCHEMA)),
        ("example", Any),
        ("examples", Map(&Reference(&EXAMPLE))),
        ("encoding", Any),
    ],
};

static EXAMPLE: ObjectForm = ObjectForm {
    name: "an example",
    section: "examples",
    required: &[],
    fields: &[("summary", Text), ("description", Text), ("value", Any), ("externalValue", Text)],
};

static HEADER: ObjectForm = ObjectForm {
    name: "a header",
    section: "headers",
    required: &[],
    fields: &[
        ("description", Text),
        ("required", Flag),
        ("deprecated", Flag),
        ("schema", Reference(&SCHEMA)),
        ("content", Map(&Object(&MEDIA))),
        ("style", Text),
        ("explode", Flag),
        ("example", Any),
        ("examples", Any),
    ],
};

static COMPONENTS: ObjectForm = ObjectForm {
    name: "the components",
    section: "",
    required: &[],
    fields: &[
        ("schemas", Map(&Reference(&SCHEMA))),
        ("responses", Map(&Reference(&RESPONSE))),
        ("parameters", Map(&Reference(&PARAMETER))),
        ("requestBodies", Map(&Reference(&BODY))),
        ("headers", Map(&Reference(&HEADER))),
        ("securitySchemes", Map(&Any)),
        ("examples", Any),
        ("links", Any),
        ("callbacks", Any),
    ],
};

static SCHEMA: ObjectForm = ObjectForm {
    name: "a schema",
    section: "schemas",
    required: &[],
    fields: &[
        ("type", Type(&["string", "integer", "number", "boolean", "array", "object"])),
        ("format", Text),
        ("title", Text),
        ("description", Text),
        ("enum", List(&Any)),
        ("nullable", Flag),
        ("readOnly", Flag),
        ("writeOnly", Flag),
        ("deprecated", Flag),
        ("default", Any),
        ("example", Any),
        ("properties", Map(&Reference(&SCHEMA))),
        ("required", Required),
        ("additionalProperties", FlagOrSchema),
        ("items", Reference(&SCHEMA)),
        ("oneOf", List(&Reference(&SCHEMA))),
        ("anyOf", List(&Reference(&SCHEMA))),
        ("allOf", List(&Reference(&SCHEMA))),
        ("not", Reference(&SCHEMA)),
        ("discriminator", Object(&DISCRIMINATOR)),
        ("pattern", Text),
        ("minLength", Count),
        ("maxLength", Count),
        ("minItems", Count),
        ("maxItems", Count),
        ("uniqueItems", Flag),
        ("minProperties", Count),
        ("maxProperties", Count),
        ("minimum", Number),
        ("maximum", Number),
        ("exclusiveMinimum", Flag),
        ("exclusiveMaximum", Flag),
        ("multipleOf", Number),
        ("externalDocs", Any),
        ("xml", Any),
    ],
};

static DISCRIMINATOR: ObjectForm = ObjectForm {
    name: "a discriminator",
    section: "",
    required: &["propertyName"],
    fields: &[("propertyName", Text), ("mapping", Map(&Text))],
};
