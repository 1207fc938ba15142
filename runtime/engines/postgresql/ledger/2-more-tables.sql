-- What was added to the tables of the first version.

-- Locks where a server has no advisory locks, or a role may not use them.
CREATE TABLE seeknal.leases (
  -- What is locked; of one of several holders with its token.
  lock text PRIMARY KEY,
  token text NOT NULL,
  holder text NOT NULL,
  -- Renewed while the holder lives.
  expires_at timestamptz NOT NULL
);

-- What tables in the database of the engine hold of the outputs that are written to them: recorded in the transaction that
-- changes a table, so that nothing is written twice.
CREATE TABLE seeknal.targets (
  project text NOT NULL REFERENCES seeknal.projects,
  -- '': production.
  environment text NOT NULL,
  step text NOT NULL,
  node text NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  mode text NOT NULL,
  -- Stands for the rows that it holds.
  content text NOT NULL,
  -- It was not there before.
  created boolean NOT NULL,
  rows bigint NOT NULL,
  run_id text NOT NULL,
  written_at text NOT NULL,
  PRIMARY KEY (project, environment, step)
);

-- What production's targets held when a generation was made: step → content.
ALTER TABLE seeknal.generations ADD COLUMN targets jsonb NOT NULL DEFAULT '{}';

-- Of projects whose outputs are files: what production's tables of other databases hold, the text of targets.json.
ALTER TABLE seeknal.projects ADD COLUMN targets text;

-- Tables that outputs are published as, in place of views; whoever else's table has such a name, it is not written over.
CREATE TABLE seeknal.published (
  schema_name text NOT NULL,
  table_name text NOT NULL,
  -- Whose rows it holds.
  query text NOT NULL,
  -- Those that were made for the output: others that somebody added stay.
  columns text[] NOT NULL,
  PRIMARY KEY (schema_name, table_name)
);

-- What a run shows in an environment, as it goes: until it is saved with the environment, whether the run ends or is killed.
CREATE TABLE seeknal.shown (
  project text NOT NULL REFERENCES seeknal.projects,
  environment text NOT NULL,
  schema_name text NOT NULL,
  table_name text NOT NULL,
  output jsonb NOT NULL,
  PRIMARY KEY (project, environment, schema_name, table_name)
);

-- Statements that a commit decided on, where nothing is made within a transaction: they are done in their order right after it,
-- or by the next command that takes the same lock.
CREATE TABLE seeknal.pending (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project text NOT NULL REFERENCES seeknal.projects,
  lock text NOT NULL,
  statement text NOT NULL
);
