/** What runs are grouped by: nothing, the parent, the experiment, the status, or any tag. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { searchColumns } from "../../api";
import { Choice } from "../../parts";
import { labelOf } from "../../runs/refs";

const FIELDS = ["experiment", "parent", "status", "type", "submitted_by"];
const TAGS_MAX = 50;

export function GroupBy({
  workspace,
  by,
  onChange,
}: {
  workspace: string;
  by: string;
  onChange: (by: string) => void;
}) {
  const tags = useSignal<readonly string[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    searchColumns(workspace, { prefix: "tag.", limit: TAGS_MAX }, { signal: abort.signal })
      .then((columns) => {
        tags.value = columns.map((column) => column.ref);
      })
      .catch(() => undefined);
    return () => abort.abort();
  }, [workspace, tags]);
  const refs = [...new Set([...FIELDS, ...tags.value, ...(by === "" ? [] : [by])])];
  return (
    <Choice
      label="Group by"
      value={by}
      options={[
        ["", "nothing"],
        ...refs.map((ref) => [ref, ref.startsWith("tag.") ? `tag ${labelOf(ref)}` : labelOf(ref)] as const),
      ]}
      onChange={onChange}
    />
  );
}
