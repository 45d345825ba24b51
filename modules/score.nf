process SCORE {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(slices, stageAs: 'slices/*'), path(reconstruction, stageAs: 'reconstruction/*'), path(mapped, stageAs: 'mapped/*')
    path weights, stageAs: 'weights/*'
    val args
    val code

    output:
    tuple val(meta), path("scores/${meta.id}"), emit: scores
    path "viewer/${meta.id}/*.js", emit: viewer

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'score.py' slices/${meta.id} reconstruction/${meta.id} mapped/${meta.id} --out scores/${meta.id} \\
        ${weights ? '--weights weights/*' : ''} ${args}
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir viewer
    mv scores/${meta.id}/viewer viewer/${meta.id}
    """

    stub:
    """
    'score.py' --help > /dev/null
    mkdir -p scores/${meta.id} viewer/${meta.id}
    touch scores/${meta.id}/scan.csv viewer/${meta.id}/{scan,pseudohealthy,disease,residual}.js
    """
}
