//! The tables as diesel sees them: one schema for both databases, written by hand after `migrations/`.
//!
//! Start at `records`. **Invariant:** no column that a program elsewhere may fill with any text (`created_at`, `updated_at`)
//! is named here, so that no hand-written row can fail to load.
//! **May import:** diesel.

diesel::table! {
    openai_upstreams (id) {
        id -> BigInt,
        deleted_at -> Nullable<Timestamp>,
        sk -> Text,
        endpoint -> Text,
        success_count -> BigInt,
        failed_count -> BigInt,
        last_call_success_time -> Nullable<Timestamp>,
        name -> Text,
        enabled -> Bool,
        priority -> BigInt,
        position -> BigInt,
        weight -> BigInt,
        allow_models -> Text,
        deny_models -> Text,
        allow_keys -> Text,
        keep_header -> Text,
        connect_timeout_ms -> Nullable<BigInt>,
        first_byte_timeout_ms -> Nullable<BigInt>,
        first_content_timeout_ms -> Nullable<BigInt>,
        idle_timeout_ms -> Nullable<BigInt>,
        recording -> Text,
        extra_headers -> Text,
        model_map -> Text,
        proxy -> Text,
        auth -> Text,
        updated_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    config_kvs (id) {
        id -> BigInt,
        deleted_at -> Nullable<Timestamp>,
        key -> Text,
        value -> Text,
        updated_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    records (id) {
        id -> BigInt,
        started_us -> BigInt,
        key_name -> Text,
        key_last4 -> Text,
        ip -> Text,
        user_agent -> Text,
        method -> Text,
        path -> Text,
        model -> Nullable<Text>,
        model_sent -> Nullable<Text>,
        model_answered -> Nullable<Text>,
        status -> Integer,
        upstream_id -> Nullable<BigInt>,
        streamed -> Bool,
        first_byte_us -> Nullable<BigInt>,
        first_content_us -> Nullable<BigInt>,
        total_us -> BigInt,
        tokens_in -> Nullable<BigInt>,
        tokens_out -> Nullable<BigInt>,
        tokens_cached -> Nullable<BigInt>,
        tokens_reasoning -> Nullable<BigInt>,
        attempts -> Text,
        ending -> Text,
        error -> Nullable<Text>,
        request_bytes -> BigInt,
        reply_bytes -> BigInt,
        resource_id -> Nullable<Text>,
    }
}

diesel::table! {
    record_bodies (record_id) {
        record_id -> BigInt,
        body -> Nullable<Binary>,
        body_note -> Nullable<Text>,
        response -> Nullable<Binary>,
        response_note -> Nullable<Text>,
    }
}

diesel::table! {
    admin_sessions (token_hash) {
        token_hash -> Text,
        created_us -> BigInt,
        expires_us -> BigInt,
    }
}

diesel::table! {
    prices (id) {
        id -> BigInt,
        pattern -> Text,
        input_pico -> BigInt,
        cached_pico -> Nullable<BigInt>,
        output_pico -> BigInt,
        updated_us -> BigInt,
    }
}

diesel::table! {
    start_tables (name) {
        name -> Text,
        as_of -> Text,
    }
}

diesel::table! {
    rollups (span_s, bucket_s, upstream_id, model, key_name) {
        span_s -> Integer,
        bucket_s -> BigInt,
        upstream_id -> BigInt,
        model -> Text,
        key_name -> Text,
        requests -> BigInt,
        errors -> BigInt,
        streams -> BigInt,
        tokens_in -> BigInt,
        tokens_out -> BigInt,
        tokens_cached -> BigInt,
        tokens_reasoning -> BigInt,
        unknown_tokens -> BigInt,
        cost_nano -> BigInt,
        unpriced -> BigInt,
        first_byte -> Binary,
        first_content -> Binary,
        total -> Binary,
        speed -> Binary,
    }
}

diesel::table! {
    rollups_by (span_s, bucket_s, kind, name) {
        span_s -> Integer,
        bucket_s -> BigInt,
        kind -> Integer,
        name -> Text,
        requests -> BigInt,
        errors -> BigInt,
        streams -> BigInt,
        tokens_in -> BigInt,
        tokens_out -> BigInt,
        tokens_cached -> BigInt,
        tokens_reasoning -> BigInt,
        unknown_tokens -> BigInt,
        cost_nano -> BigInt,
        unpriced -> BigInt,
        first_byte -> Binary,
        first_content -> Binary,
        total -> Binary,
        speed -> Binary,
    }
}

diesel::table! {
    client_keys (name) {
        name -> Text,
        created_us -> Nullable<BigInt>,
        disabled -> Bool,
        old_key -> Text,
        old_until_us -> BigInt,
        allow_models -> Text,
    }
}

diesel::table! {
    saved_searches (id) {
        id -> BigInt,
        name -> Text,
        query -> Text,
        created_us -> BigInt,
        is_default -> Bool,
    }
}

diesel::table! {
    upstream_tests (id) {
        id -> BigInt,
        upstream_id -> BigInt,
        at_us -> BigInt,
        good -> Bool,
    }
}

diesel::allow_tables_to_appear_in_same_query!(records, record_bodies);

diesel::table! {
    audit (id) {
        id -> BigInt,
        at_us -> BigInt,
        who -> Text,
        verb -> Text,
        noun -> Text,
        noun_id -> Nullable<BigInt>,
        detail -> Text,
    }
}

diesel::table! {
    audit_things (noun, noun_id, audit_id) {
        audit_id -> BigInt,
        noun -> Text,
        noun_id -> BigInt,
        detail -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(audit, audit_things);
