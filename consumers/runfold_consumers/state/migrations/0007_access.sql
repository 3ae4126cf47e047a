-- Access: roles, sessions, sign-on, audit, and the views that analysts see by SQL.

-- Access tokens: who made and ended each, and, to the ten minutes, when it last let somebody in.
ALTER TABLE control.access_tokens
    ADD COLUMN created_by text,
    ADD COLUMN revoked_by text,
    ADD COLUMN last_used_at timestamptz;
CREATE INDEX access_tokens_in_force ON control.access_tokens (created_at, access_token_id) WHERE revoked_at IS NULL;

-- What those who sign on by the provider may do: a subject, a verified address, `group:<name>` or `*` (whoever signs on),
-- in a workspace or `*` (all).
CREATE TABLE control.roles (
    workspace   text COLLATE "C" NOT NULL,
    principal   text COLLATE "C" NOT NULL,
    scopes      text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'admin'] AND scopes <> '{}'),
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text NOT NULL,
    PRIMARY KEY (workspace, principal)
);
CREATE INDEX roles_of_principal ON control.roles (principal);

-- Who is signed in at the page. The cookie's secret is kept as SHA-256. Either an access token stands behind it, and the
-- session is worth what that is, or what the provider said at sign-on: subject, verified address, groups.
CREATE TABLE control.sessions (
    session_id       text PRIMARY KEY,
    hash             bytea NOT NULL UNIQUE,
    principal        text NOT NULL,
    access_token_id  text REFERENCES control.access_tokens,
    subject          text,
    email            text,
    groups           text[] NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    expires_at       timestamptz NOT NULL,
    ended_at         timestamptz
);
CREATE INDEX sessions_by_end ON control.sessions (expires_at);

-- Sign-ons that were begun: what must come back from the provider, for ten minutes and once.
CREATE TABLE control.sign_ons (
    state_hash     bytea PRIMARY KEY,
    browser_hash   bytea NOT NULL,
    nonce          text NOT NULL,
    code_verifier  text NOT NULL,
    return_to      text NOT NULL,
    begun_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_ons_by_time ON control.sign_ons (begun_at);

-- The login role of a workspace's analysts; the API alone knows its password.
CREATE TABLE control.sql_roles (
    workspace  text COLLATE "C" PRIMARY KEY,
    role_name  text COLLATE "C" NOT NULL UNIQUE,
    password   text NOT NULL,
    made_at    timestamptz NOT NULL DEFAULT now()
);

-- Where it was done, from where, and by what right: `access-token <id>`, `session <id>` or `command`.
ALTER TABLE control.audit
    ADD COLUMN workspace text COLLATE "C",
    ADD COLUMN address text,
    ADD COLUMN via text;
CREATE INDEX audit_of_workspace ON control.audit (workspace, audit_id);

------------------------------------------------------------------------------------------------------------- analysis

CREATE SCHEMA IF NOT EXISTS analysis;
COMMENT ON SCHEMA analysis IS
    'Version 1: views for analysts, by POST /sql. Columns are added at the end, never renamed, retyped or removed.';

-- The workspace of whoever logged in. By session_user: no SET ROLE, no setting, no definer's right changes that.
CREATE FUNCTION analysis.own_workspace() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE COST 100 SET search_path = pg_catalog, pg_temp
    AS 'BEGIN RETURN (SELECT workspace FROM control.sql_roles WHERE role_name = session_user); END';
REVOKE ALL ON FUNCTION analysis.own_workspace() FROM PUBLIC;
COMMENT ON FUNCTION analysis.own_workspace() IS 'The workspace that this session sees.';

-- True, or an error: no row of an answer is so large that whoever reads it runs out of memory.
CREATE FUNCTION analysis.fits(asked record, bytes_max bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1 SET search_path = pg_catalog, pg_temp
    AS 'DECLARE size bigint := pg_column_size(asked);
    BEGIN
        IF size <= bytes_max THEN  -- as text, as it is sent: an array of nulls or 1e100000 is small only as it is stored
            size := octet_length(asked::text);
        END IF;
        IF size > bytes_max THEN
            RAISE EXCEPTION USING ERRCODE = ''program_limit_exceeded'',
                MESSAGE = format(''a row of the answer has %s bytes, %s are allowed'', size, bytes_max),
                HINT = ''Take fewer columns, or cut long texts by left(text, 1000).'';
        END IF;
        RETURN true;
    END';
REVOKE ALL ON FUNCTION analysis.fits(record, bigint) FROM PUBLIC;

CREATE VIEW analysis.runs WITH (security_barrier) AS
SELECT
    runs.run_id,
    runs.experiment,
    enrollments.number,
    coalesce(label.value, runs.display_name) AS name,
    runs.parent_run_id,
    runs.run_type AS type,
    runs.target,
    run_status.status,
    run_status.terminal,
    runs.attempt,
    runs.created_at,
    run_status.started_at,
    run_status.ended_at,
    extract(epoch FROM run_status.ended_at - run_status.started_at)::double precision AS duration_s,
    runs.submitted_by
FROM state.runs
JOIN state.run_status USING (workspace, run_id)
LEFT JOIN state.enrollments USING (workspace, experiment, run_id)
LEFT JOIN state.run_descriptions AS label
    ON label.workspace = runs.workspace AND label.run_id = runs.run_id AND label.field = 'display_name'
WHERE runs.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.runs IS 'Runs; status and times are those of the latest attempt.';
COMMENT ON COLUMN analysis.runs.number IS 'Its number in the experiment; null until folded, holes are possible.';
COMMENT ON COLUMN analysis.runs.name IS 'Display name.';
COMMENT ON COLUMN analysis.runs.terminal IS 'The status is final within the attempt.';
COMMENT ON COLUMN analysis.runs.attempt IS 'The latest start of the job.';
COMMENT ON COLUMN analysis.runs.duration_s IS 'Seconds from start to end of the latest attempt; null while it runs.';

CREATE VIEW analysis.statuses WITH (security_barrier) AS
SELECT
    attempts.run_id,
    attempts.attempt,
    coalesce(attempts.terminal_status, attempts.status, 'NotStarted') AS status,
    attempts.terminal_status IS NOT NULL AS terminal,
    attempts.started_at,
    attempts.ended_at
FROM state.attempts
WHERE attempts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.statuses IS 'The status of each attempt of a run.';

CREATE VIEW analysis.tags WITH (security_barrier) AS
SELECT run_id, key, value, "offset", writer_id
FROM state.run_tags
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.tags IS 'Visible tags of runs: the last word on each key.';
COMMENT ON COLUMN analysis.tags."offset" IS 'Of the fact that said it, in its facts partition.';

CREATE VIEW analysis.properties WITH (security_barrier) AS
SELECT run_id, key, value, "offset", writer_id
FROM state.properties
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.properties IS 'Properties of runs: the first value of each key, for ever.';

CREATE VIEW analysis.metrics WITH (security_barrier) AS
SELECT
    run_id,
    name,
    column_name,
    points,
    nonfinite,
    min,
    max,
    last_value AS last,
    last_text,
    last_step,
    to_timestamp(latest_time) AS last_at,
    writers
FROM state.run_metrics
WHERE workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.metrics IS 'A summary of each metric of a run, over all its writers and attempts.';
COMMENT ON COLUMN analysis.metrics.column_name IS 'Of a table or row; null for a plain metric.';
COMMENT ON COLUMN analysis.metrics.nonfinite IS 'Points that are NaN or infinite: in no minimum, no maximum.';
COMMENT ON COLUMN analysis.metrics.last IS 'Value of the last point, of the latest attempt; null where it is a text or null.';
COMMENT ON COLUMN analysis.metrics.last_text IS 'Value of the last point where it is a text, cut.';

CREATE VIEW analysis.artifacts WITH (security_barrier) AS
SELECT
    artifacts.run_id,
    artifacts.attempt,
    artifacts.path,
    artifacts.name,
    artifacts.sha256,
    artifacts.size,
    artifacts.media_type,
    artifacts.metric_name,
    artifacts.metric_type,
    coalesce(objects.availability, 'pending') AS availability,
    artifacts.occurred_at
FROM state.artifacts
LEFT JOIN observed.objects USING (workspace, run_id, sha256)
WHERE artifacts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.artifacts IS 'Files, images and charts of runs; `size` in bytes.';
COMMENT ON COLUMN analysis.artifacts.availability IS 'pending (not looked at yet), available, missing or mismatched.';

CREATE VIEW analysis.experiments WITH (security_barrier) AS
SELECT
    experiments.experiment AS name,
    experiments.created_at,
    coalesce(archived.value = 'true', false) AS archived,
    about.value AS description
FROM state.experiments
LEFT JOIN state.experiment_last_words AS archived
    ON archived.workspace = experiments.workspace AND archived.experiment = experiments.experiment
    AND archived.field = 'archived'
LEFT JOIN state.experiment_last_words AS about
    ON about.workspace = experiments.workspace AND about.experiment = experiments.experiment
    AND about.field = 'description'
WHERE experiments.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.experiments IS 'Experiments of which a fact of their own tells.';

CREATE VIEW analysis.events WITH (security_barrier) AS
SELECT
    facts.partition,
    facts."offset",
    facts.broker_time,
    facts.event,
    facts.aggregate_kind,
    facts.aggregate_id,
    CASE WHEN facts.aggregate_kind = 'run' THEN facts.aggregate_id END AS run_id,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    facts.rule
FROM state.facts
WHERE facts.workspace = analysis.own_workspace();
COMMENT ON VIEW analysis.events IS 'Every fact and claim in the order of its facts partition, with its decision.';
COMMENT ON COLUMN analysis.events.verdict IS 'accepted, refused, repeated, conflicting or skipped.';

CREATE VIEW analysis.decisions WITH (security_barrier) AS
SELECT
    facts.partition,
    facts."offset",
    facts.broker_time,
    facts.event,
    facts.aggregate_kind,
    facts.aggregate_id,
    CASE WHEN facts.aggregate_kind = 'run' THEN facts.aggregate_id END AS run_id,
    facts.writer_id,
    facts.ordinal,
    facts.verdict,
    coalesce(refusals.rule, facts.rule) AS rule,
    refusals.key,
    refusals.kept,
    refusals.refused
FROM state.facts
LEFT JOIN state.refusals USING (workspace, partition, "offset")
WHERE facts.workspace = analysis.own_workspace() AND facts.verdict <> 'accepted';
COMMENT ON VIEW analysis.decisions IS 'Facts that were not plainly accepted: a row for each key that was refused.';
COMMENT ON COLUMN analysis.decisions.kept IS 'The value that stands.';
