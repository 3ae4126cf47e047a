export { Badge, Status, type Tone, toneOf } from "./Badge";
export { Button } from "./Button";
export { Dialog } from "./Dialog";
export { Choice, Field } from "./Field";
export { Menu } from "./Menu";
export { Table, type TableColumn } from "./Table";
export { type Tab, Tabs } from "./Tabs";
export { say, Toasts } from "./Toast";
