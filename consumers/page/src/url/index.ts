export { decode, decodeParameters, encode, encodeParameters, type Parameters, type Place, type View } from "./codec";
export { change, go, listen, parameter, parameters, place, to, workspace } from "./navigation";
