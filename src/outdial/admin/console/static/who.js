// Whose token it is: pages offer changes only to those who may make them (the server asks again).

import { createContext, useContext } from "./vendor/htm-preact.js";

export const Who = createContext({ name: "", role: "viewer", may_change: false, sees_contacts: false });
export const useWho = () => useContext(Who);
