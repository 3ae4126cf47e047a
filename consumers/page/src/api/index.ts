export { ApiError, type Asked, address, ahead, below, get, getRaw, type Options, send } from "./client";
export { changesOf, followFrom, liveness } from "./live";
export { type GroupsAsked, type RunsAsked, searchColumns, searchGroups, searchRuns } from "./search";
export { type SeriesAsked, series } from "./series";
export { holds, resume, session, signIn, signOn, signOut } from "./session";
export type * from "./types";
