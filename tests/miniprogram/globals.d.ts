/** The globals of platforms other than WeChat, as far as the component uses them. */
declare const qq: any;
declare const tt: any;
declare const swan: any;
declare const my: any;
declare const TTWebAssembly: any;
declare const MYWebAssembly: any;
declare const WebAssembly: any;
