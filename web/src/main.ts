import { mount } from "svelte";
import "./lab.css";
import App from "./App.svelte";
import { alone } from "./kept";

await alone();
mount(App, { target: document.body });
