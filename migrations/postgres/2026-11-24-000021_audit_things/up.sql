-- What an entry of the audit says of each thing, when it is about several. No column ever holds a secret.
CREATE TABLE audit_things (
    audit_id BIGINT NOT NULL,
    noun TEXT NOT NULL,
    noun_id BIGINT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (noun, noun_id, audit_id)
);
