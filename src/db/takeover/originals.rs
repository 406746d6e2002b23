//! The tables as versions of the original wrote them, with the DDL of its library (gorm), and rows to show their oddities.
//!
//! **Invariant:** literal SQL alone. **May import:** nothing.

pub(super) const UPSTREAMS: &str = "
    CREATE TABLE `openai_upstreams` (`id` integer,`created_at` datetime,`updated_at` datetime,`deleted_at` datetime,`sk` text,`endpoint` text,
        `success_count` integer,`failed_count` integer,`last_call_success_time` datetime,PRIMARY KEY (`id`));
    CREATE UNIQUE INDEX `idx_sk_endpoint` ON `openai_upstreams`(`sk`,`endpoint`);
    CREATE INDEX `idx_openai_upstreams_deleted_at` ON `openai_upstreams`(`deleted_at`);
    INSERT INTO openai_upstreams VALUES
        (1, '2023-07-01 10:00:00.5+08:00', '2023-07-01 10:00:00.5+08:00', NULL, 'sk-one', 'https://api.openai.com/v1', 12, 3, '2023-08-10 13:32:51.123456789+08:00'),
        (2, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', '2023-07-02 10:00:00+08:00', 'sk-gone', 'https://gone.example/v1', 0, 9, '0001-01-01 00:00:00+00:00'),
        (5, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', NULL, 'sk-two', 'https://proxy.example/openai/v9', 0, 0, '0001-01-01 00:00:00+00:00'),
        (6, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', NULL, 'sk-two', 'https://proxy.example', 0, 0, NULL);";

pub(super) const SETTINGS: &str = "
    CREATE TABLE `config_kvs` (`id` integer,`created_at` datetime,`updated_at` datetime,`deleted_at` datetime,`key` text UNIQUE,`value` text,PRIMARY KEY (`id`));
    CREATE INDEX `idx_config_kvs_deleted_at` ON `config_kvs`(`deleted_at`);
    INSERT INTO config_kvs VALUES
        (1, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', NULL, 'authorization', 'woshimima'),
        (2, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', NULL, 'policy', 'round_robin'),
        (3, '2023-07-01 10:00:00+08:00', '2023-07-01 10:00:00+08:00', '2023-07-02 10:00:00+08:00', 'old', 'x'),
        (4, NULL, NULL, NULL, 'empty', NULL);";

/// The first version: UUIDs, nothing but the texts.
pub(super) const RECORDS_FIRST: &str = "
    CREATE TABLE `records` (`id` uuid,`created_at` datetime,`body` text,`response` text,PRIMARY KEY (`id`));
    INSERT INTO records VALUES
        ('7d444840-9dc0-11d1-b245-5ffdce74fad2', '2023-05-02 10:00:00+08:00', '{\"model\":\"gpt-3.5-turbo\",\"stream\":true}', 'later'),
        ('1b4e28ba-2fa1-11d2-883f-0016d3cca427', '2023-05-02 09:00:00.000001+08:00', 'no JSON at all', 'earlier'),
        ('6fa459ea-ee8a-3ca4-894e-db77e160355e', '2023-05-02 11:00:00+08:00', '{\"model\":\"text-embedding\"}', '');";

/// The middle versions, one table over the years: UUIDs, then NULL ids in a column that is no integer key; quoted bodies; later columns.
pub(super) const RECORDS_MIDDLE: &str = r#"
    CREATE TABLE `records` (`id` uuid,`created_at` datetime,`ip` text,`body` text,`response` text,`elapsed_time` integer,PRIMARY KEY (`id`));
    ALTER TABLE `records` ADD `status` integer;
    ALTER TABLE `records` ADD `upstream_id` integer;
    ALTER TABLE `records` ADD `authorization` text;
    INSERT INTO records VALUES
        ('7d444840-9dc0-11d1-b245-5ffdce74fad2', '2023-08-10 13:32:51.123456789+08:00', '10.0.0.1', '{"model":"gpt-4"}', 'ok', 1500000000, NULL, NULL, NULL),
        (8, '2023-08-10 01:00:00-05:00', '10.0.0.2', '"{\"model\":\"gpt-4\",\"x\":\"\u003c你\u003e\"}"', 'two', 2000, 200, 5, 'Bearer sk-abcdefgh1234'),
        (7, '2023-08-10 07:00:00Z', '10.0.0.3', '"not json"', 'upstream return ''429 Too Many Requests'' with ''slow down''', 999, 429, 1, 'Bearer short'),
        (NULL, '2023-08-10 12:00:00+00:00', '10.0.0.4', x'7b22ff', x'ff00', 5, 0, 1, ''),
        (NULL, '0001-01-01 00:00:00+00:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL);"#;

/// The last version: integer ids, its upstreams in a file of its own.
pub(super) const RECORDS_LAST: &str = r#"
    CREATE TABLE `records` (`id` integer PRIMARY KEY AUTOINCREMENT,`hostname` text,`upstream_endpoint` text,`upstream_sk` text,`created_at` datetime,`ip` text,
        `body` text,`model` text,`response` text,`response_time` integer,`elapsed_time` integer,`status` integer,`authorization` text,`user_agent` text,`headers` text);
    INSERT INTO records VALUES
        (3, 'host', 'https://u:p@api.example/v1?k=v', 'sk-upstream-secret', '2024-02-01 00:00:01.5+00:00', '1.2.3.4', '"{\"model\":\"gpt-4o\",\"stream\":true}"', 'gpt-4o',
            'hello', 250000999, 1250000000, 200, 'Bearer sk-caller-secret-9876', 'python', '{"Authorization":["Bearer sk-caller-secret-9876"],"Cookie":["c=1"]}'),
        (4, 'host', 'https://api.example/v1', 'sk-upstream-secret', '2024-02-01 00:00:00+00:00', '1.2.3.4', '""', '', '[proxy.ErrorHandler]: timeout', 0, 60000000000, 502, '', '', NULL);"#;
