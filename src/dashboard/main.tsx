import { render } from 'preact';
import { App } from './app.tsx';
import { Live } from './live.ts';

const live = new Live();
live.start();
render(<App live={live} />, document.getElementById('page')!);
