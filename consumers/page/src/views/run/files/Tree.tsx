/** Files below their folders: each a button, folders fold. */

import type { ComponentChildren } from "preact";
import { bytes, count } from "../../../charts/wording";
import type { Folder, Leaf } from "./tree";

interface Props<F extends Leaf> {
  folder: Folder<F>;
  isClosed: (path: string) => boolean;
  onToggle: (path: string) => void;
  isChosen: (file: F) => boolean;
  onChoose: (file: F) => void;
  keyOf: (file: F) => string;
  /** What else is told of a file beside its name. */
  noteOf: (file: F) => ComponentChildren;
}

const FILES_AT_ONCE = 2000;

export function Tree<F extends Leaf>(props: Props<F>) {
  return (
    <ul class="tree" aria-label="Files">
      <Branch {...props} />
    </ul>
  );
}

function Branch<F extends Leaf>(props: Props<F>) {
  const { folder, isClosed, onToggle, isChosen, onChoose, keyOf, noteOf } = props;
  return (
    <>
      {folder.folders.map((below) => (
        <li key={below.path}>
          <button
            type="button"
            class="tree-folder"
            aria-expanded={!isClosed(below.path)}
            onClick={() => onToggle(below.path)}
          >
            <span class="twist" aria-hidden="true" />
            <span class="tree-name">{below.name}/</span>
            <span class="tree-size">
              {count(below.count)}, {bytes(below.size)}
            </span>
          </button>
          {!isClosed(below.path) && (
            <ul>
              <Branch {...props} folder={below} />
            </ul>
          )}
        </li>
      ))}
      {folder.files.slice(0, FILES_AT_ONCE).map((file) => (
        <li key={keyOf(file)}>
          <button
            type="button"
            class="tree-file"
            aria-current={isChosen(file) ? "true" : undefined}
            onClick={() => onChoose(file)}
          >
            <span class="tree-name">{file.path.split("/").pop()}</span>
            {noteOf(file)}
            <span class="tree-size">{bytes(file.size)}</span>
          </button>
        </li>
      ))}
      {folder.files.length > FILES_AT_ONCE && (
        <li class="muted">and {count(folder.files.length - FILES_AT_ONCE)} files more: search for them</li>
      )}
    </>
  );
}
